#include "executor/registry/caller.h"

#include "executor/http/base64.h"
#include "executor/http/url.h"
#include "executor/registry/answer.h"
#include "executor/registry/retry.h"

namespace slipway::registry {

namespace {

// Remembers what callbacks return, to tell it from failures of the connection.
struct CallbackErrors {
  Status error;

  void Watch(http::Request& request) {
    if (request.sink) {
      request.sink = [this, sink = std::move(request.sink)](std::string_view bytes) { return error = sink(bytes); };
    }
    if (request.on_response) {
      request.on_response = [this, next = std::move(request.on_response)](const http::Response& response) {
        return error = next(response);
      };
    }
    if (request.source) {
      request.source->read = [this, read = std::move(request.source->read)](std::span<char> buffer) {
        auto got = read(buffer);
        if (!got.ok()) error = got.status();
        return got;
      };
    }
  }
};

bool SameOrigin(const std::string& a, const std::string& b) {
  const auto left = http::Url::Parse(a);
  const auto right = http::Url::Parse(b);
  return left.ok() && right.ok() && left->Origin() == right->Origin();
}

bool IsRefusal(int status) { return status == 401 || status == 403; }

std::string IdentityOf(const std::optional<Credential>& credential) {
  if (!credential) return "";
  Hasher hasher;
  hasher.Field(credential->username).Field(credential->password).Field(credential->identity_token);
  return hasher.Finish().hex();
}

}  // namespace

std::string ApiPath(const Repository& repo, std::string_view kind, std::string_view rest) {
  return fmt::format("/v2/{}/{}/{}", repo.name, kind, rest);
}

Result<std::optional<Credential>> Caller::Credentials(const Context& ctx, const std::string& host) {
  if (credentials_ == nullptr) return std::optional<Credential>();
  return credentials_->Lookup(ctx, host);
}

Result<std::string> Caller::Identity(const Context& ctx, const std::string& host) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::optional<Credential> credential, Credentials(ctx, host));
  return IdentityOf(credential);
}

Result<Caller::Prepared> Caller::Prepare(const Context& ctx, const Call& call) {
  const std::string& host = call.repo.host;
  SLIPWAY_ASSIGN_OR_RETURN(const std::string base, state_.hosts.BaseUrl(ctx, host));
  Prepared out;
  out.request = call.request;
  out.request.method = call.method;
  out.request.url = call.target.starts_with('/') ? base + call.target : call.target;
  out.to_registry = call.target.starts_with('/') || SameOrigin(base, call.target);
  SLIPWAY_ASSIGN_OR_RETURN(out.credential, Credentials(ctx, host));
  out.token = {.what = call.what,
               .host = host,
               .service = {},
               .credential = out.credential,
               .identity = IdentityOf(out.credential),
               .scopes = call.scopes};
  return out;
}

Status Caller::Authorize(const Context& ctx, Prepared& prepared) {
  prepared.request.headers.Remove("Authorization");
  if (!prepared.to_registry) return Status();
  prepared.scheme = state_.hosts.auth(prepared.token.host);
  switch (prepared.scheme.kind) {
    case AuthScheme::Kind::kNone: return Status();
    case AuthScheme::Kind::kBasic:
      if (prepared.credential) {
        prepared.request.headers.Set(
            "Authorization", http::BasicAuthorization(prepared.credential->username, prepared.credential->password));
      }
      return Status();
    case AuthScheme::Kind::kBearer: break;
  }
  prepared.token.service = prepared.scheme.service;
  SLIPWAY_ASSIGN_OR_RETURN(const std::string token, state_.tokens.Get(ctx, prepared.token));
  prepared.request.headers.Set("Authorization", "Bearer " + token);
  return Status();
}

bool Caller::Learn(const http::Response& response, const Prepared& prepared, Call& call) {
  const auto challenges = ParseChallenges(response.headers);
  const auto scheme = SchemeOf(challenges);
  if (!scheme || !prepared.to_registry) return false;
  state_.hosts.SetAuth(call.repo.host, *scheme);
  if (!prepared.no_token.ok() && *scheme == prepared.scheme) return false;
  if (scheme->kind == AuthScheme::Kind::kBasic) {
    const bool refused = prepared.request.headers.Get("Authorization").starts_with("Basic ");
    if (refused || !prepared.credential) return false;
  }
  for (const Challenge& challenge : challenges) call.scopes.Add(challenge.Param("scope"));
  state_.tokens.Forget(prepared.token);
  return true;
}

Attempt Caller::Once(const Context& ctx, Call& call) {
  for (bool learned = false;; learned = true) {
    if (call.prepare) call.prepare(call);
    auto prepared = Prepare(ctx, call);
    if (!prepared.ok()) return {.result = std::move(prepared).status()};
    if (Status status = Authorize(ctx, *prepared); !status.ok()) {
      if (learned || !ctx.Err().ok()) return {.result = status, .is_final = true};
      // The registry may have another token service by now, or want none: asked without a token, it tells.
      state_.hosts.ForgetAuth(call.repo.host, prepared->scheme);
      prepared->no_token = std::move(status);
    }
    CallbackErrors callbacks;
    callbacks.Watch(prepared->request);
    auto result = state_.transport->Do(ctx, prepared->request);
    if (!callbacks.error.ok()) return {.result = callbacks.error, .is_final = true};
    if (!result.ok()) return {.result = std::move(result)};
    // A storage service refuses an address that has run out; the registry gives a fresh one.
    const bool elsewhere = !SameOrigin(result->url, prepared->request.url);
    if (elsewhere && IsRefusal(result->status)) {
      return {.result = Unavailable("'{}' refused what the registry sent us there for, HTTP {}",
                                    http::RedactUrl(result->url), result->status)};
    }
    if (!IsRefusal(result->status)) return {.result = std::move(result)};
    if (result->status == 401 && !learned && Learn(*result, *prepared, call)) continue;
    if (!prepared->no_token.ok()) return {.result = prepared->no_token, .is_final = true};
    if (result->status == 403) return {.result = std::move(result)};
    // Where a token service took the credentials, it is rights that they lack.
    const bool known = state_.hosts.auth(call.repo.host).kind == AuthScheme::Kind::kBearer;
    if (prepared->credential && known) {
      result->status = 403;
      return {.result = std::move(result)};
    }
    return {.result = RefusedCredential(call.what, call.repo.host, prepared->credential.has_value(), *result),
            .is_final = true};
  }
}

Result<http::Response> Caller::Judge(const Call& call, RetryOutcome outcome) {
  auto& [last, attempts] = outcome;
  if (!last.result.ok()) {
    if (last.is_final) return std::move(last.result);
    return TransportFailure(std::move(last.result).status(), call.what, attempts);
  }
  if (last.result->status == 403 || IsPassingStatus(last.result->status)) {
    return AnswerFailure(call.what, call.repo.host, *last.result, attempts);
  }
  return std::move(last.result);
}

Result<http::Response> Caller::Do(const Context& ctx, Call call) {
  return Judge(call,
               WithRetry(
                   ctx, state_.options.retry, *state_.options.clock, [&] { return Once(ctx, call); }, call.position));
}

Result<http::Response> Caller::DoOk(const Context& ctx, Call call) {
  SLIPWAY_ASSIGN_OR_RETURN(http::Response response, Do(ctx, call));
  if (!response.ok()) return AnswerFailure(call.what, call.repo.host, response);
  return response;
}

Result<std::unique_ptr<http::PushRequest>> Caller::StartPush(const Context& ctx, Call call) {
  SLIPWAY_ASSIGN_OR_RETURN(Prepared prepared, Prepare(ctx, call));
  SLIPWAY_RETURN_IF_ERROR(Authorize(ctx, prepared));
  auto push = state_.transport->StartPush(ctx, prepared.request);
  if (!push.ok()) return TransportFailure(push.status(), call.what, 1);
  return push;
}

Result<std::string> Caller::Locate(const Context& ctx, const Repository& repo, const http::Response& response) {
  const std::string* location = response.headers.Find("Location");
  if (location == nullptr) return Unavailable("'{}' did not say where to upload to (no Location)", repo.host);
  SLIPWAY_ASSIGN_OR_RETURN(const http::Url from, http::Url::Parse(response.url));
  SLIPWAY_ASSIGN_OR_RETURN(http::Url to, from.Resolve(*location));
  SLIPWAY_ASSIGN_OR_RETURN(const std::string base, state_.hosts.BaseUrl(ctx, repo.host));
  SLIPWAY_ASSIGN_OR_RETURN(const http::Url home, http::Url::Parse(base));
  if (to.host == home.host && to.scheme == "http" && home.scheme == "https") {
    to.scheme = home.scheme;
    if (to.port == 80) to.port = home.port;
  }
  if (to.IsLoopback() && !home.IsLoopback()) {
    return PermissionDenied("'{}' names an upload address on this machine, '{}'", repo.host, to.Redacted());
  }
  return to.ToString();
}

}  // namespace slipway::registry
