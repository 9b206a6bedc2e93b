// CurlExchange: one request and its answer on one CurlHandle, driven in the caller's thread.
//
// Set up by the constructor, moved forward by Drive until a condition holds or the transfer ends. A destroyed exchange
// that had not ended drops its connection. Not thread-safe.
#pragma once

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "executor/base/context.h"
#include "executor/http/curl_pool.h"
#include "executor/http/curl_transport.h"
#include "executor/http/nearness.h"
#include "executor/http/transport.h"
#include "executor/http/trust.h"
#include "executor/http/url.h"

namespace slipway::http {

/// What an exchange needs from its transport; lives as long as that.
struct CurlShared {
  CurlOptions options;
  std::unique_ptr<TrustStore> trust;
  CurlPool pool;
};

class CurlExchange {
 public:
  /// `request` must outlive the exchange. `led_from`: how near the server was whose redirect led here, which bounds
  /// what is connected to; nothing if the caller named the address.
  CurlExchange(CurlShared& shared, const Request& request, const Url& url, const Headers& headers,
               std::optional<Nearness> led_from = std::nullopt);
  ~CurlExchange();
  CurlExchange(const CurlExchange&) = delete;
  CurlExchange& operator=(const CurlExchange&) = delete;

  /// Sets the body up: none, that of the request, or (push) what Feed brings.
  void SetBody(std::string_view method, bool push);

  /// Moves the transfer on until `enough` holds or it has ended. Not OK: there will be no answer.
  Status Drive(const Context& ctx, const std::function<bool()>& enough);

  bool ended() const { return ended_; }
  /// The answer is there, or at least its status line.
  bool answered() const { return ended_ || response_.status >= 200; }

  /// Push: offers bytes, which must stay until `fed()`.
  void Feed(std::string_view bytes);
  /// Takes back what was not fed.
  void Withdraw() { pending_ = {}; }
  bool fed() const { return pending_.empty(); }
  void EndBody();

  /// After Drive to the end: the answer. Gives the handle back to the pool.
  Response TakeResponse();
  /// After TakeResponse: how near the server is that answered. Of one behind a proxy nothing is known: kElsewhere.
  Nearness nearness() const { return nearness_; }

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  void SetOptions();
  void SetProxy();
  Status SetHeaders(const Headers& headers);

  static size_t OnHeader(char* data, size_t size, size_t count, void* self);
  static size_t OnBody(char* data, size_t size, size_t count, void* self);
  static size_t OnRead(char* data, size_t size, size_t count, void* self);
  static curl_socket_t OnOpenSocket(void* self, curlsocktype purpose, curl_sockaddr* address);
  static int OnSeek(void* self, curl_off_t offset, int origin);
  static CURLcode OnSslContext(CURL* easy, void* context, void* self);

  bool MayConnect(const sockaddr& address);
  bool IsProxyPort(long port) const { return proxy_port_ != 0 && port == proxy_port_; }
  Nearness NearnessOfPeer() const;
  bool TakeHeader(std::string_view line);
  Status TakeBody(std::string_view bytes);
  Result<size_t> ReadBody(std::span<char> buffer);
  Status Announce();
  bool ToSink() const;

  /// OK, or UNAVAILABLE once the peer has been too slow; `wait` is shortened to when that will be.
  Status CheckPace(std::chrono::milliseconds& wait);
  void Moved(size_t bytes);
  Status Finish(CURLcode code);
  Status TransferError(CURLcode code) const;
  Status Fail(Code code, std::string_view why) const;

  CurlShared& shared_;
  const Request& request_;
  const Url url_;
  const std::optional<Nearness> led_from_;
  std::unique_ptr<CurlHandle> handle_;
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> header_list_{nullptr, &curl_slist_free_all};
  std::string curl_url_;
  std::array<char, CURL_ERROR_SIZE> error_text_{};
  uint16_t proxy_port_ = 0;                  // 0: no proxy is used for this address
  Nearness refused_ = Nearness::kElsewhere;  // what was not connected to
  Nearness nearness_ = Nearness::kElsewhere;

  Status setup_error_;
  Status callback_error_;
  Response response_;
  size_t header_bytes_ = 0;
  uint64_t body_bytes_ = 0;
  bool announced_ = false;
  bool body_began_ = false;
  bool truncated_ = false;
  bool ended_ = false;
  bool broken_ = false;

  bool push_ = false;
  bool push_over_ = false;
  bool paused_ = false;
  std::string_view pending_;
  size_t body_sent_ = 0;
  bool body_over_ = false;

  TimePoint window_start_;
  uint64_t window_bytes_ = 0;
};

}  // namespace slipway::http
