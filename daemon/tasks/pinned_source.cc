#include "daemon/tasks/pinned_source.h"

#include <algorithm>
#include <array>
#include <variant>

#include "daemon/tasks/task_secrets.h"
#include "executor/http/url.h"
#include "executor/source/git_url.h"
#include "steps/task/quick_build.h"

namespace slipway::tasks {

namespace {

// The members of a query that say which commit is meant.
constexpr std::array<std::string_view, 6> kChoosers = {"ref", "branch", "tag", "checksum", "commit", "via"};

bool IsGit(std::string_view source) {
  const Result<source::ContextSpec> parsed = task::ParseSourceLocation(source);
  return parsed.ok() && std::holds_alternative<source::GitContext>(*parsed);
}

std::string_view TakePair(std::string_view* query) {
  const size_t end = std::min(query->find('&'), query->size());
  const std::string_view pair = query->substr(0, end);
  query->remove_prefix(std::min(end + 1, query->size()));
  return pair;
}

// What is left of a query without its choosers.
std::string WithoutChoosers(std::string_view query) {
  std::string out;
  while (!query.empty()) {
    const std::string_view pair = TakePair(&query);
    const std::string_view key = pair.substr(0, pair.find('='));
    if (pair.empty() || std::find(kChoosers.begin(), kChoosers.end(), key) != kChoosers.end()) continue;
    if (!out.empty()) out += '&';
    out += pair;
  }
  return out;
}

// Hosts that take tokens take any user with them, but for one. `rest` begins with the host.
std::string_view TokenUser(std::string_view rest) {
  return rest.starts_with("bitbucket.org/") ? "x-token-auth" : "x-access-token";
}

// Where the host (or what stands before it) begins in an address that is fetched over HTTP; npos for any other.
size_t AuthorityOf(std::string_view source) {
  if (source.starts_with("github.com/")) return 0;
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (source.starts_with(scheme)) return scheme.size();
  }
  return std::string_view::npos;
}

}  // namespace

std::string PinnedSource(const std::string& source, std::string_view commit, std::string_view fetch_ref) {
  if (commit.empty() || !IsGit(source)) return source;
  const std::string_view text = source;
  const size_t hash = std::min(text.find('#'), text.size());
  std::string_view address = text.substr(0, hash);
  std::string folder;
  if (const size_t colon = text.find(':', hash); colon != std::string_view::npos) folder = text.substr(colon);
  // A path of this machine has no query, and all its commits are here.
  if (address.starts_with('/')) return fmt::format("{}#{}{}", address, commit, folder);
  std::string query;
  if (const size_t question = address.find('?'); question != std::string_view::npos) {
    query = WithoutChoosers(address.substr(question + 1));
    address = address.substr(0, question);
  }
  const auto join = [&] {
    return fmt::format("{}{}{}#{}{}", address, query.empty() ? "" : "?", query, commit, folder);
  };
  const std::string plain = join();
  if (fetch_ref.empty()) return plain;
  query += fmt::format("{}via={}", query.empty() ? "" : "&", http::PercentEncode(fetch_ref));
  std::string leading = join();
  // Addresses of Azure DevOps take no query.
  return IsGit(leading) ? leading : plain;
}

std::string SourceWithToken(const std::string& source, std::string_view token) {
  const size_t authority = AuthorityOf(source);
  if (authority == std::string::npos) return source;
  const std::string prefix = authority == 0 ? "https://" : source.substr(0, authority);
  const std::string rest = source.substr(authority);
  const size_t at = rest.substr(0, rest.find_first_of("/?#")).rfind('@');
  if (token.empty()) return task::SecretOfUrl(source) == kHidden ? prefix + rest.substr(at + 1) : source;
  const std::string secret = http::PercentEncode(token);
  if (at == std::string::npos) return fmt::format("{}{}:{}@{}", prefix, TokenUser(rest), secret, rest);
  const std::string user = rest.substr(0, std::min(rest.find(':'), at));
  // A token that stood there alone goes back to where it was.
  if (user == kHidden) return fmt::format("{}{}{}", prefix, secret, rest.substr(at));
  return fmt::format("{}{}:{}{}", prefix, user, secret, rest.substr(at));
}

bool SameSourceHost(std::string_view a, std::string_view b) {
  if (!IsGit(a) || !IsGit(b)) return false;
  const Result<source::GitUrl> first = source::GitUrl::Parse(a);
  const Result<source::GitUrl> second = source::GitUrl::Parse(b);
  return first.ok() && second.ok() && first->SameHost(*second);
}

}  // namespace slipway::tasks
