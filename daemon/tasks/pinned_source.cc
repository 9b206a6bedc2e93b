#include "daemon/tasks/pinned_source.h"

#include <algorithm>

#include "daemon/tasks/task_secrets.h"
#include "executor/http/url.h"
#include "executor/source/git_url.h"
#include "steps/task/pinned_source.h"
#include "steps/task/quick_build.h"

namespace slipway::tasks {

namespace {

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
  if (!task::IsGitSource(a) || !task::IsGitSource(b)) return false;
  const Result<source::GitUrl> first = source::GitUrl::Parse(a);
  const Result<source::GitUrl> second = source::GitUrl::Parse(b);
  return first.ok() && second.ok() && first->SameHost(*second);
}

}  // namespace slipway::tasks
