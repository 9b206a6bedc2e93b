// CurlTransport: Transport on libcurl and OpenSSL.
//
// A request runs in the caller's thread on a handle with a connection cache of its own. Idle handles are kept by origin
// and the one used last is taken first, so connections are reused across threads without a thread or lock of ours in
// the way. Cancelling a context wakes the transfer at once.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "executor/http/transport.h"

namespace slipway::http {

struct ProxySettings {
  std::string http_proxy;
  std::string https_proxy;
  std::string no_proxy;

  /// http_proxy, https_proxy, all_proxy, no_proxy in lower or upper case.
  static ProxySettings FromEnvironment();
};

struct CurlOptions {
  /// "host" or "host:port" to which plain HTTP is allowed beside loopback.
  std::vector<std::string> plain_http_hosts;
  /// PEM files with authorities that are trusted beside the system's.
  std::vector<std::string> extra_ca_files;
  ProxySettings proxy = ProxySettings::FromEnvironment();  ///< never used for loopback
  std::string user_agent = "slipway";

  std::chrono::milliseconds connect_timeout = std::chrono::seconds(15);
  /// A transfer that moves fewer than `low_speed_bytes` in this time is dropped (UNAVAILABLE). Time in callbacks does
  /// not count.
  std::chrono::milliseconds low_speed_time = std::chrono::seconds(60);
  uint64_t low_speed_bytes = 1024;

  size_t max_idle_per_origin = 16;
  size_t max_idle = 64;
  std::chrono::seconds max_idle_age = std::chrono::seconds(90);
};

/// INVALID_ARGUMENT if an authority's file cannot be read.
Result<std::unique_ptr<Transport>> NewCurlTransport(CurlOptions options);

}  // namespace slipway::http
