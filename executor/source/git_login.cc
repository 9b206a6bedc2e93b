#include "executor/source/git_login.h"

#include "executor/http/url.h"

namespace slipway::source {

namespace {

// The address with a user, which has none so far.
std::string WithUser(const std::string& url, const std::string& user) {
  constexpr std::string_view kScheme = "://";
  const size_t scheme = url.find(kScheme);
  const std::string name = http::PercentEncode(user);
  // "github.com/org/x" is fetched over https.
  if (scheme == std::string::npos) return fmt::format("https://{}@{}", name, url);
  const size_t host = scheme + kScheme.size();
  return fmt::format("{}{}@{}", url.substr(0, host), name, url.substr(host));
}

}  // namespace

bool IsLoopback(const GitUrl& url) {
  return url.host == "localhost" || url.host.starts_with("127.") || url.host == "[::1]";
}

std::string HostKey(const GitUrl& url) { return url.port == 0 ? url.host : fmt::format("{}:{}", url.host, url.port); }

Status UseLogin(const Context& ctx, GitLogins* logins, GitContext* git) {
  if (logins == nullptr || !git->token.empty()) return Status();
  const Result<GitUrl> url = GitUrl::Parse(git->url);
  if (!url.ok() || !url->http() || !url->password.empty()) return Status();  // an error is told by who fetches it
  SLIPWAY_ASSIGN_OR_RETURN(const std::optional<GitLogin> login, logins->Lookup(ctx, HostKey(*url)));
  // A user without password may be a token of its own.
  if (!login || (!url->user.empty() && url->user != login->user)) return Status();
  if (url->scheme == GitUrl::Scheme::kHttp && !IsLoopback(*url)) {
    return FailedPrecondition("'{}': the login of '{}' is not sent over plain HTTP; use https://", url->Remote(),
                              HostKey(*url));
  }
  if (url->user.empty() && !login->user.empty()) git->url = WithUser(git->url, login->user);
  git->token = login->password;
  return Status();
}

}  // namespace slipway::source
