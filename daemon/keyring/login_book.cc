#include "daemon/keyring/login_book.h"

#include "executor/base/near_miss.h"
#include "executor/oci/reference.h"
#include "executor/source/git_login.h"
#include "steps/task/secret_limits.h"

namespace slipway::keyring {

namespace {

constexpr std::chrono::seconds kReadLasts{60};
constexpr std::string_view kStore = "store:";
constexpr std::string_view kDockerHub = "docker.io";

std::string_view KindName(store::LoginKind kind) { return kind == store::LoginKind::kGit ? "git host" : "registry"; }

std::string Purpose(const store::StoredLogin& login) {
  return fmt::format("login:{}:{}", static_cast<int>(login.kind), login.host);
}

class Registries : public registry::CredentialSource {
 public:
  explicit Registries(const LoginBook& book) : book_(book) {}
  Result<std::optional<registry::Credential>> Lookup(const Context& ctx, const std::string& host) override {
    SLIPWAY_ASSIGN_OR_RETURN(std::optional<LoginBook::Login> found, book_.Find(ctx, store::LoginKind::kRegistry, host));
    if (!found) return std::optional<registry::Credential>();
    registry::Credential out{.username = found->username, .password = {}, .identity_token = {}};
    (found->username.empty() ? out.identity_token : out.password) = std::move(found->password);
    return std::optional(std::move(out));
  }

 private:
  const LoginBook& book_;
};

class GitHosts : public GitLogins {
 public:
  explicit GitHosts(const LoginBook& book) : book_(book) {}
  Result<std::optional<GitLogin>> Lookup(const Context& ctx, const std::string& host) override {
    SLIPWAY_ASSIGN_OR_RETURN(std::optional<LoginBook::Login> found, book_.Find(ctx, store::LoginKind::kGit, host));
    if (!found) return std::optional<GitLogin>();
    return std::optional(GitLogin{.user = std::move(found->username), .password = std::move(found->password)});
  }

 private:
  const LoginBook& book_;
};

}  // namespace

Result<std::string> LoginHost(store::LoginKind kind, std::string_view text) {
  std::string_view host = text;
  if (host.starts_with("https://")) host.remove_prefix(8);
  while (host.ends_with('/')) host.remove_suffix(1);
  if (kind == store::LoginKind::kRegistry) {
    // As `docker login` writes it.
    if (host == "index.docker.io/v1" || host == "index.docker.io" || host == "registry-1.docker.io") host = kDockerHub;
    const auto name = oci::Reference::Parse(fmt::format("{}/x/y", host));
    if (name.ok() && name->host == host) return std::string(host);
    return InvalidArgument("'{}' is no host of a registry, as in 'registry.example.com:5000'", text.substr(0, 300));
  }
  const auto url = source::GitUrl::Parse(fmt::format("https://{}/x.git", host));
  if (url.ok() && host.find_first_of("/@?#") == std::string_view::npos) return source::HostKey(*url);
  return InvalidArgument("'{}' is no git host, as in 'git.example.com' or 'git.example.com:8443'", text.substr(0, 300));
}

Result<std::unique_ptr<LoginBook>> LoginBook::Open(Parts parts) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<store::StoredLogin> stored, parts.store.Logins());
  std::unique_ptr<LoginBook> book(new LoginBook(std::move(parts)));
  for (const store::StoredLogin& login : stored) (*book->logins_.Lock())[{login.host, login.kind}] = login;
  return book;
}

Result<store::StoredLogin> LoginBook::Set(store::StoredLogin login, const std::string& password) {
  login.sealed.clear();
  if (login.secret.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(login.sealed, parts_.sealer.Seal(password, Purpose(login)));
  }
  SLIPWAY_ASSIGN_OR_RETURN(store::StoredLogin stored,
                           parts_.store.Put(std::move(login), parts_.clock.System(), kMostLogins));
  (*logins_.Lock())[{stored.host, stored.kind}] = stored;
  read_.Lock()->clear();
  return stored;
}

std::vector<store::StoredLogin> LoginBook::List() const {
  std::vector<store::StoredLogin> out;
  auto logins = logins_.Lock();
  for (const auto& [key, login] : *logins) out.push_back(login);
  return out;
}

Status LoginBook::Delete(store::LoginKind kind, const std::string& host) {
  Status status = parts_.store.DeleteLogin(kind, host);
  if (status.code() == Code::kNotFound) {
    const std::vector<store::StoredLogin> all = List();
    std::vector<std::string_view> hosts;
    for (const store::StoredLogin& one : all) {
      if (one.kind == kind) hosts.push_back(one.host);
    }
    return NotFound("{}{}", status.message(), DidYouMean(host, hosts));
  }
  if (status.ok()) logins_.Lock()->erase({host, kind});
  return status;
}

Result<std::optional<LoginBook::Login>> LoginBook::Find(const Context& ctx, store::LoginKind kind,
                                                        const std::string& host) const {
  std::optional<store::StoredLogin> found;
  {
    auto logins = logins_.Lock();
    const auto it = logins->find({host, kind});
    if (it == logins->end()) return std::optional<Login>();
    found = it->second;
  }
  Result<std::string> password =
      found->secret.empty() ? parts_.sealer.Unseal(found->sealed, Purpose(*found)) : Resolve(ctx, found->secret);
  if (!password.ok()) {
    return std::move(password).status().With(fmt::format("the login of the {} '{}' for all", KindName(kind), host));
  }
  return std::optional(Login{.username = found->username, .password = *std::move(password)});
}

Result<std::string> LoginBook::Resolve(const Context& ctx, const std::string& address) const {
  const bool remember = !address.starts_with(kStore);  // which costs nothing to ask again
  if (remember) {
    auto read = read_.Lock();
    const auto it = read->find(address);
    if (it != read->end() && it->second.until > parts_.clock.Steady()) return it->second.value;
  }
  SLIPWAY_ASSIGN_OR_RETURN(const std::string value, parts_.resolve(ctx, address));
  if (value.size() < task::kShortestSecret) {
    return FailedPrecondition("'{}' holds {} bytes, which is no password: fewer than {} cannot be hidden in logs",
                              address, value.size(), task::kShortestSecret);
  }
  if (remember) (*read_.Lock())[address] = {.value = value, .until = parts_.clock.Steady() + kReadLasts};
  return value;
}

std::vector<std::string> LoginBook::Values() const {
  std::vector<std::string> out;
  for (const store::StoredLogin& login : List()) {
    if (!login.secret.empty()) continue;
    if (auto password = parts_.sealer.Unseal(login.sealed, Purpose(login)); password.ok())
      out.push_back(*std::move(password));
  }
  auto read = read_.Lock();
  for (const auto& [address, one] : *read) out.push_back(one.value);
  return out;
}

std::shared_ptr<registry::CredentialSource> LoginBook::registries() const {
  return std::make_shared<Registries>(*this);
}

std::shared_ptr<GitLogins> LoginBook::git_hosts() const { return std::make_shared<GitHosts>(*this); }

Result<size_t> ResealLogins(store::SecretStore& store, const secrets::Sealer& sealer) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<store::StoredLogin> all, store.Logins());
  size_t count = 0;
  for (const store::StoredLogin& login : all) {
    if (!login.secret.empty()) continue;
    SLIPWAY_ASSIGN_OR_RETURN(const std::string plain, sealer.Unseal(login.sealed, Purpose(login))
                                                          .With(fmt::format("the login of the {} '{}' for all",
                                                                            KindName(login.kind), login.host)));
    SLIPWAY_ASSIGN_OR_RETURN(const std::string sealed, sealer.Seal(plain, Purpose(login)));
    SLIPWAY_RETURN_IF_ERROR(store.ResealLogin(login.kind, login.host, sealed));
    ++count;
  }
  return count;
}

}  // namespace slipway::keyring
