#include "executor/http/curl_transport.h"

#include <algorithm>
#include <cstdlib>

#include "executor/http/curl_exchange.h"
#include "executor/http/curl_pool.h"
#include "executor/http/nearness.h"
#include "executor/http/trust.h"
#include "executor/http/url.h"

namespace slipway::http {

namespace {

std::string Env(const char* lower, const char* upper) {
  for (const char* name : {lower, upper}) {
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') return value;
  }
  return "";
}

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// A request on its way through redirects.
struct Hop {
  Url url;
  std::string method;
  Headers headers;
  std::optional<Nearness> led_from = {};  ///< of the server whose redirect led to `url`
};

class CurlPush : public PushRequest {
 public:
  CurlPush(std::shared_ptr<CurlShared> shared, Request request, const Url& url)
      : shared_(std::move(shared)), request_(std::move(request)), exchange_(*shared_, request_, url, request_.headers) {
    exchange_.SetBody(request_.method, /*push=*/true);
  }

  Status Write(const Context& ctx, std::string_view bytes) override {
    SLIPWAY_RETURN_IF_ERROR(failed_);
    if (bytes.empty() || exchange_.ended()) return Status();
    exchange_.Feed(bytes);
    failed_ = exchange_.Drive(ctx, [this] { return exchange_.fed(); });
    exchange_.Withdraw();
    return failed_;
  }

  bool answered() const override { return exchange_.answered(); }

  Result<Response> Finish(const Context& ctx) override {
    SLIPWAY_RETURN_IF_ERROR(failed_);
    if (!exchange_.ended()) {
      exchange_.EndBody();
      SLIPWAY_RETURN_IF_ERROR(failed_ = exchange_.Drive(ctx, [] { return false; }));
    }
    return exchange_.TakeResponse();
  }

 private:
  const std::shared_ptr<CurlShared> shared_;  // so that a push may outlive its transport
  const Request request_;
  CurlExchange exchange_;
  Status failed_;
};

class CurlTransport : public Transport {
 public:
  CurlTransport(CurlOptions options, std::unique_ptr<TrustStore> trust)
      : shared_(new CurlShared{.options = options,
                               .trust = std::move(trust),
                               .pool = CurlPool(options.max_idle_per_origin, options.max_idle, options.max_idle_age)}) {
  }

  Result<Response> Do(const Context& ctx, const Request& request) override;
  Result<std::unique_ptr<PushRequest>> StartPush(const Context& ctx, const Request& request) override;

 private:
  Status Allowed(const Url& url, const Request& request) const;
  bool NamedForPlainHttp(const Url& url) const;
  /// Turns `hop` into where `response`, of a server that is `from`, points. False: the answer is to be handed to the
  /// caller.
  Result<bool> Redirect(const Request& request, const Response& response, Nearness from, Hop& hop) const;

  const std::shared_ptr<CurlShared> shared_;
};

bool CurlTransport::NamedForPlainHttp(const Url& url) const {
  const auto& hosts = shared_->options.plain_http_hosts;
  return std::any_of(hosts.begin(), hosts.end(), [&url](const std::string& host) {
    return host == url.Authority() || host == url.host || host == fmt::format("{}:{}", url.host, url.port);
  });
}

Status CurlTransport::Allowed(const Url& url, const Request& request) const {
  if (url.scheme == "https" || request.plain_http == PlainHttp::kAny || url.IsLoopback() || NamedForPlainHttp(url)) {
    return Status();
  }
  return PermissionDenied("{} '{}': plain HTTP to '{}' is not allowed; use https or name the host as insecure",
                          request.method, url.Redacted(), url.Authority());
}

Result<bool> CurlTransport::Redirect(const Request& request, const Response& response, Nearness from, Hop& hop) const {
  const std::string* location = response.headers.Find("Location");
  if (!IsRedirect(response.status) || location == nullptr) return false;
  const std::string what = fmt::format("{} '{}': redirect", request.method, hop.url.Redacted());
  auto target = hop.url.Resolve(*location);
  if (!target.ok()) return Unavailable("{}: {}", what, target.status().message());
  // A server far away must not make us talk in the clear, nor to this machine's own services.
  if (hop.url.scheme == "https" && target->scheme == "http" && !NamedForPlainHttp(*target)) {
    return PermissionDenied("{} to '{}': it leads from https to plain HTTP", what, target->Redacted());
  }
  // Of a name that is known only when it is resolved: the exchange looks at that.
  if (const Nearness to = NearnessOf(target->host); !MayLead(from, to)) {
    return PermissionDenied("{} to '{}': it leads to {}", what, target->Redacted(), Describe(to));
  }
  SLIPWAY_RETURN_IF_ERROR(Allowed(*target, request));

  const bool to_get = response.status == 303 || (response.status <= 302 && hop.method == "POST");
  if (to_get && hop.method != "HEAD") {
    hop.method = "GET";
    for (const char* name : {"Content-Type", "Content-Length", "Content-Range"}) hop.headers.Remove(name);
  } else if (request.source && hop.method != "GET" && hop.method != "HEAD") {
    if (!request.source->rewind) return false;
    SLIPWAY_RETURN_IF_ERROR(request.source->rewind());
  }
  if (target->Origin() != hop.url.Origin()) {
    for (const char* name : {"Authorization", "Cookie", "Proxy-Authorization"}) hop.headers.Remove(name);
    hop.led_from = from;
  } else if (target->userinfo.empty()) {
    target->userinfo = hop.url.userinfo;
  }
  hop.url = std::move(*target);
  return true;
}

Result<Response> CurlTransport::Do(const Context& ctx, const Request& request) {
  Hop hop{.url = {}, .method = request.method, .headers = request.headers};
  SLIPWAY_ASSIGN_OR_RETURN(hop.url, Url::Parse(request.url));
  SLIPWAY_RETURN_IF_ERROR(Allowed(hop.url, request));
  for (int redirects = 0;; ++redirects) {
    CurlExchange exchange(*shared_, request, hop.url, hop.headers, hop.led_from);
    exchange.SetBody(hop.method, /*push=*/false);
    SLIPWAY_RETURN_IF_ERROR(exchange.Drive(ctx, [] { return false; }));
    Response response = exchange.TakeResponse();
    if (request.max_redirects == 0) return response;
    SLIPWAY_ASSIGN_OR_RETURN(const bool follow, Redirect(request, response, exchange.nearness(), hop));
    if (!follow) return response;
    if (redirects >= request.max_redirects) {
      return Unavailable("{} '{}': more than {} redirects", request.method, RedactUrl(request.url),
                         request.max_redirects);
    }
  }
}

Result<std::unique_ptr<PushRequest>> CurlTransport::StartPush(const Context& ctx, const Request& request) {
  SLIPWAY_RETURN_IF_ERROR(ctx.Err());
  SLIPWAY_ASSIGN_OR_RETURN(const Url url, Url::Parse(request.url));
  SLIPWAY_RETURN_IF_ERROR(Allowed(url, request));
  return std::unique_ptr<PushRequest>(std::make_unique<CurlPush>(shared_, request, url));
}

}  // namespace

ProxySettings ProxySettings::FromEnvironment() {
  const std::string all = Env("all_proxy", "ALL_PROXY");
  ProxySettings out{.http_proxy = Env("http_proxy", "HTTP_PROXY"),
                    .https_proxy = Env("https_proxy", "HTTPS_PROXY"),
                    .no_proxy = Env("no_proxy", "NO_PROXY")};
  if (out.http_proxy.empty()) out.http_proxy = all;
  if (out.https_proxy.empty()) out.https_proxy = all;
  return out;
}

Result<std::unique_ptr<Transport>> NewCurlTransport(CurlOptions options) {
  SLIPWAY_ASSIGN_OR_RETURN(std::unique_ptr<TrustStore> trust, TrustStore::Load(options.extra_ca_files));
  return std::unique_ptr<Transport>(std::make_unique<CurlTransport>(std::move(options), std::move(trust)));
}

}  // namespace slipway::http
