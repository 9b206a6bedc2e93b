#include "daemon/keyring/secret_book.h"

#include <algorithm>

#include "executor/base/near_miss.h"

namespace slipway::keyring {

namespace {

constexpr std::string_view kScheme = "store:";
constexpr size_t kLongestName = 127;

std::string Purpose(const std::string& name) { return "secret:" + name; }

}  // namespace

bool IsSecretName(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  return !name.empty() && name.size() <= kLongestName && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), fits);
}

std::string SecretAddress(std::string_view text) {
  return text.empty() || text.find(':') != std::string_view::npos ? std::string(text)
                                                                  : fmt::format("{}{}", kScheme, text);
}

Result<store::StoredSecret> SecretBook::Set(const std::string& name, std::string_view value, SystemTime now) {
  SLIPWAY_ASSIGN_OR_RETURN(std::string sealed, sealer_.Seal(value, Purpose(name)));
  return store_.Put(
      store::StoredSecret{.name = name, .create_time = {}, .update_time = {}, .sealed = std::move(sealed)}, now,
      kMostSecrets);
}

Result<std::string> SecretBook::Get(const std::string& name) const {
  const Result<store::StoredSecret> found = store_.GetSecret(name);
  if (found.ok()) return sealer_.Unseal(found->sealed, Purpose(name));
  if (found.code() != Code::kNotFound) return found.status();
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<store::StoredSecret> all, store_.Secrets("", kMostSecrets));
  std::vector<std::string_view> names;
  for (const store::StoredSecret& one : all) names.push_back(one.name);
  const std::string hint = DidYouMean(name, names);
  return NotFound("{}{}", found.status().message(),
                  hint.empty() ? fmt::format("; 'slipway secret set {}' makes one", name) : hint);
}

Result<std::vector<store::StoredSecret>> SecretBook::List(const std::string& after, size_t most) const {
  return store_.Secrets(after, most);
}

Status SecretBook::Delete(const std::string& name) { return store_.DeleteSecret(name, SecretAddress(name)); }

Result<size_t> ResealSecrets(store::SecretStore& store, const secrets::Sealer& sealer) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<store::StoredSecret> all, store.Secrets("", kMostSecrets));
  for (const store::StoredSecret& one : all) {
    SLIPWAY_ASSIGN_OR_RETURN(
        const std::string plain,
        sealer.Unseal(one.sealed, Purpose(one.name)).With(fmt::format("secret '{}' of the store", one.name)));
    SLIPWAY_ASSIGN_OR_RETURN(const std::string sealed, sealer.Seal(plain, Purpose(one.name)));
    SLIPWAY_RETURN_IF_ERROR(store.ResealSecret(one.name, sealed));
  }
  return all.size();
}

}  // namespace slipway::keyring
