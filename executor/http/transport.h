// Transport: HTTP/1.1 requests with streaming bodies; what the registry client and every other fetcher of addresses
// use.
//
// An HTTP status is never an error here: an answer is an answer. A Status that is not OK says that there was none:
//   NOT_FOUND            the host's name is unknown
//   UNAVAILABLE          no connection, a dropped one, or a stalled one: may be tried again
//   FAILED_PRECONDITION  TLS: the certificate is not trusted, or the server speaks no TLS
//   PERMISSION_DENIED    plain HTTP to a host for which the operator did not allow it
//   INVALID_ARGUMENT     not an http(s) address; RESOURCE_EXHAUSTED: the answer is larger than allowed
//   CANCELLED, DEADLINE_EXCEEDED from the context; what a sink or source returned, unchanged
// Messages name the address without userinfo and query. Transports are thread-safe; requests run in the caller's
// thread, and so do its callbacks, which may block (the transfer then waits).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/status.h"

namespace slipway::http {

/// Header fields in order; names are compared without case.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_(fields) {}

  /// The first value; nullptr if absent.
  const std::string* Find(std::string_view name) const;
  /// The first value or "".
  std::string_view Get(std::string_view name) const;
  std::vector<std::string_view> GetAll(std::string_view name) const;
  bool Has(std::string_view name) const { return Find(name) != nullptr; }
  /// A whole number that is not negative; nullopt if absent or malformed.
  std::optional<uint64_t> GetNumber(std::string_view name) const;

  void Add(std::string_view name, std::string_view value);
  /// Replaces all of that name.
  void Set(std::string_view name, std::string_view value);
  void Remove(std::string_view name);
  void Clear() { fields_.clear(); }
  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// Takes bytes of a body; an error ends the transfer and is what the call returns.
using Sink = std::function<Status(std::string_view bytes)>;

/// A request body that is read as it is sent.
struct BodySource {
  /// Fills some of `buffer` and returns how much; 0 is the end.
  std::function<Result<size_t>(std::span<char> buffer)> read;
  /// Starts over, for a redirect. Null: cannot; the redirect is then the answer.
  std::function<Status()> rewind;
  /// nullopt: unknown, sent in chunks.
  std::optional<uint64_t> size;
};

enum class PlainHttp {
  kNamedHosts,  ///< loopback and the hosts of Options::plain_http_hosts
  kAny,         ///< wherever the address says so (ADD http://…)
};

struct Response {
  int status = 0;
  Headers headers;
  /// Of an answer that went to no sink: bounded by Request::max_body; error answers keep what fits into 64 KiB.
  std::string body;
  /// Where the answer came from after redirects.
  std::string url;
  bool ok() const { return status >= 200 && status < 300; }
};

struct Request {
  std::string method = "GET";
  std::string url;
  Headers headers;
  std::string body;                  ///< sent if the method is POST, PUT or PATCH
  std::optional<BodySource> source;  ///< instead of `body`

  /// Called once for an answer with a 2xx status, after redirects, before its body.
  std::function<Status(const Response&)> on_response;
  /// Gets the body of a 2xx answer piece by piece. Null: kept in Response::body.
  Sink sink;
  uint64_t max_body = 8U << 20;

  int max_redirects = 10;  ///< 0: a redirect is an answer
  PlainHttp plain_http = PlainHttp::kNamedHosts;
  /// From the end of the request until the answer begins.
  std::chrono::milliseconds response_timeout = std::chrono::minutes(2);
};

/// A request whose body is pushed by the caller, as it becomes known. Sent in chunks. Destroyed without Finish, the
/// connection is dropped, so the server knows that the body is not whole. One thread at a time.
class PushRequest {
 public:
  virtual ~PushRequest() = default;
  /// Returns when the bytes are taken (sent, or in a bounded buffer). OK too if the server has already answered: the
  /// bytes are then dropped and Finish tells the answer.
  virtual Status Write(const Context& ctx, std::string_view bytes) = 0;
  virtual bool answered() const = 0;
  /// Ends the body and waits for the answer. Redirects are not followed.
  virtual Result<Response> Finish(const Context& ctx) = 0;
};

class Transport {
 public:
  virtual ~Transport() = default;

  /// Sends and waits for the whole answer. Authorization and Cookie are not sent on to another origin by a redirect.
  virtual Result<Response> Do(const Context& ctx, const Request& request) = 0;

  /// Begins a request with a pushed body; `body`, `source` and `sink` of `request` are ignored.
  virtual Result<std::unique_ptr<PushRequest>> StartPush(const Context& ctx, const Request& request) = 0;
};

}  // namespace slipway::http
