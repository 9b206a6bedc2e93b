// Git over HTTP: the smart protocol (two requests), and the discovery of servers of static files.
#include <algorithm>
#include <chrono>

#include "executor/http/base64.h"
#include "executor/http/url.h"
#include "executor/source/git_connection.h"
#include "executor/source/libgit.h"
#include "executor/source/retry.h"

namespace slipway::source {

namespace {
constexpr std::string_view kDiscovery = "/info/refs?service=git-upload-pack";
constexpr size_t kLongestStaticList = 64U << 20;
constexpr uint64_t kNoBound = UINT64_MAX;
// Some servers tell a git client from a browser by this name.
constexpr std::string_view kUserAgent = "git/2.0 (slipway)";

http::Request NewRequest(std::string url, const http::Headers& headers) {
  http::Request request;
  request.url = std::move(url);
  request.headers = headers;
  request.headers.Set("User-Agent", kUserAgent);
  // Who asked for TLS is not led away from it by a redirect.
  const bool plain = request.url.starts_with("http://");
  request.plain_http = plain ? http::PlainHttp::kAny : http::PlainHttp::kNamedHosts;
  request.max_body = kNoBound;
  return request;
}

Status HttpError(const http::Response& answer, const GitUrl& url, bool with_credentials) {
  const std::string remote = url.Remote();
  switch (answer.status) {
    case 203:  // Azure DevOps: a page to sign in at
    case 401:
      return with_credentials
                 ? Unauthenticated("'{}': the server refuses these credentials; are they expired, or for another host?",
                                   remote)
                 : Unauthenticated("'{}' does not exist, or reading it takes credentials: give a token", remote);
    case 403: return PermissionDenied("'{}': these credentials may not read the repository (HTTP 403)", remote);
    case 404:
    case 410:
      return with_credentials ? NotFound("there is no repository '{}' (HTTP {}), or these credentials may not see it",
                                         remote, answer.status)
                              : NotFound("there is no repository '{}' (HTTP {}), or seeing it takes credentials",
                                         remote, answer.status);
    case 429: return Unavailable("'{}': the server asks for fewer requests (HTTP 429)", remote);
    default: break;
  }
  if (answer.status >= 500) return Unavailable("'{}': the server failed (HTTP {})", remote, answer.status);
  return FailedPrecondition("'{}': the server answers HTTP {}: '{}'", remote, answer.status, RemoteText(answer.body));
}

class HttpConnection : public GitConnection {
 public:
  HttpConnection(http::Transport& transport, GitUrl url, const GitCredentials& who)
      : transport_(transport), url_(std::move(url)), with_credentials_(!who.password.empty()), guessed_(who.guessed) {
    if (with_credentials_) {
      headers_.Set("Authorization", http::BasicAuthorization(who.user, who.password));
    }
    // Identity, as Remote() of a web address has nothing in it that the wire needs besides.
    base_ = url_.Identity();
  }

  Status Discover(const Context& ctx) {
    Status status = Retry(ctx, [&] { return DiscoverOnce(ctx); });
    if (status.code() != Code::kUnauthenticated || !guessed_) return status;
    // "https://git@host/x.git" of a public repository: the name was no token.
    headers_.Remove("Authorization");
    const Status without = Retry(ctx, [&] { return DiscoverOnce(ctx); });
    with_credentials_ = false;
    return without.code() == Code::kUnauthenticated ? status : without;
  }

  Status Fetch(const Context& ctx, const std::string& body, const http::Sink& sink) override {
    http::Request request = NewRequest(base_ + "/git-upload-pack", headers_);
    request.method = "POST";
    request.body = body;
    request.headers.Set("Content-Type", "application/x-git-upload-pack-request");
    request.headers.Set("Accept", "application/x-git-upload-pack-result");
    request.sink = sink;
    SLIPWAY_ASSIGN_OR_RETURN(const http::Response answer, transport_.Do(ctx, request));
    return answer.status == 200 ? Status() : HttpError(answer, url_, with_credentials_);
  }

 private:
  Status DiscoverOnce(const Context& ctx) {
    AdvertisementReader reader;
    std::string text;
    bool smart = false;
    http::Request request = NewRequest(base_ + std::string(kDiscovery), headers_);
    request.on_response = [&](const http::Response& answer) {
      smart = answer.headers.Get("Content-Type").starts_with("application/x-git-upload-pack-advertisement");
      return Status();
    };
    request.sink = [&](std::string_view bytes) -> Status {
      if (smart) return reader.Feed(bytes);
      if (text.size() + bytes.size() > kLongestStaticList)
        return ResourceExhausted("the list of references is too long");
      text.append(bytes);
      return {};
    };
    SLIPWAY_ASSIGN_OR_RETURN(const http::Response answer, transport_.Do(ctx, request));
    if (answer.status != 200) return HttpError(answer, url_, with_credentials_);
    if (smart && !reader.done()) return Unavailable("'{}': the list of references was cut off", url_.Remote());
    SLIPWAY_RETURN_IF_ERROR(FollowRedirect(answer.url));
    if (smart) {
      server_ = std::make_shared<const Advertisement>(reader.Take());
      return {};
    }
    Advertisement list;
    SLIPWAY_RETURN_IF_ERROR(ReadStaticList(text, &list));
    SLIPWAY_RETURN_IF_ERROR(ReadStaticHead(ctx, &list));
    server_ = std::make_shared<const Advertisement>(std::move(list));
    static_url_ = base_;
    return {};
  }

  // The pack is asked for where the list came from. Credentials stay with the host they were given for.
  Status FollowRedirect(const std::string& final_url) {
    if (final_url.empty() || final_url == base_ + std::string(kDiscovery)) return {};
    if (!final_url.ends_with(kDiscovery)) {
      return FailedPrecondition("'{}' is not a git repository: the server redirects to a page, '{}'", url_.Remote(),
                                http::RedactUrl(final_url));
    }
    const std::string moved = final_url.substr(0, final_url.size() - kDiscovery.size());
    SLIPWAY_ASSIGN_OR_RETURN(const http::Url from, http::Url::Parse(base_));
    SLIPWAY_ASSIGN_OR_RETURN(const http::Url to, http::Url::Parse(moved));
    if (from.Origin() != to.Origin()) headers_.Remove("Authorization");
    base_ = moved;
    return {};
  }

  // Lines of "<oid> TAB <name>", as `git update-server-info` writes them.
  Status ReadStaticList(std::string_view text, Advertisement* list) {
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      const std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      if (line.size() < GIT_OID_HEXSZ + 2 || line[GIT_OID_HEXSZ] != '\t' ||
          !IsHex(line.substr(0, GIT_OID_HEXSZ), GIT_OID_HEXSZ)) {
        return FailedPrecondition("'{}' is not a git repository: the server answers with something else",
                                  url_.Remote());
      }
      const std::string oid(line.substr(0, GIT_OID_HEXSZ));
      std::string_view name = line.substr(GIT_OID_HEXSZ + 1);
      if (name.ends_with("^{}")) {
        name.remove_suffix(3);
        if (!list->refs.empty() && list->refs.back().name == name) list->refs.back().peeled = oid;
      } else {
        list->refs.push_back({.name = std::string(name), .oid = oid, .peeled = {}});
      }
    }
    return {};
  }

  Status ReadStaticHead(const Context& ctx, Advertisement* list) {
    http::Request request = NewRequest(base_ + "/HEAD", headers_);
    request.max_body = 4096;
    SLIPWAY_ASSIGN_OR_RETURN(const http::Response answer, transport_.Do(ctx, request));
    if (answer.status != 200) return HttpError(answer, url_, with_credentials_);
    std::string_view text = answer.body;
    while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
    constexpr std::string_view kSymbolic = "ref: ";
    if (!text.starts_with(kSymbolic)) {
      if (text.size() == GIT_OID_HEXSZ && IsHex(text, GIT_OID_HEXSZ)) list->head = std::string(text);
      return {};
    }
    list->head_ref = std::string(text.substr(kSymbolic.size()));
    if (const RemoteRef* ref = list->Find(list->head_ref)) list->head = ref->oid;
    return {};
  }

  http::Transport& transport_;
  GitUrl url_;
  bool with_credentials_;
  bool guessed_;
  std::string base_;
};
}  // namespace

Result<std::unique_ptr<GitConnection>> ConnectHttp(const Context& ctx, http::Transport& transport, const GitUrl& url,
                                                   const GitCredentials& who) {
  auto connection = std::make_unique<HttpConnection>(transport, url, who);
  SLIPWAY_RETURN_IF_ERROR(connection->Discover(ctx));
  return std::unique_ptr<GitConnection>(std::move(connection));
}

}  // namespace slipway::source
