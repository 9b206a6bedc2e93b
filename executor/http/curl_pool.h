// CurlPool: libcurl handles that are idle, kept by origin so that their connections are used again.
//
// A handle is an easy handle and a multi handle of its own, which holds its connections: transfers then need no thread
// of ours, and no lock is shared while bytes flow. DNS results and TLS sessions are shared by all handles. Thread-safe.
#pragma once

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace slipway::http {

class CurlShare;

/// One transfer at a time, by one thread at a time.
class CurlHandle {
 public:
  explicit CurlHandle(std::string origin, CURLSH* share);
  ~CurlHandle();
  CurlHandle(const CurlHandle&) = delete;
  CurlHandle& operator=(const CurlHandle&) = delete;

  CURL* easy() const { return easy_; }
  CURLM* multi() const { return multi_; }
  const std::string& origin() const { return origin_; }

 private:
  friend class CurlPool;
  std::string origin_;
  CURL* easy_;
  CURLM* multi_;
  std::chrono::steady_clock::time_point idle_since_;
};

class CurlPool {
 public:
  CurlPool(size_t max_idle_per_origin, size_t max_idle, std::chrono::seconds max_age);
  ~CurlPool();

  /// The handle that spoke to `origin` last, or a new one. Never waits.
  std::unique_ptr<CurlHandle> Acquire(const std::string& origin);
  /// Gives a handle back after a transfer that ended well.
  void Release(std::unique_ptr<CurlHandle> handle);

 private:
  const size_t max_idle_per_origin_;
  const size_t max_idle_;
  const std::chrono::seconds max_age_;
  std::unique_ptr<CurlShare> share_;  // outlives the handles

  std::mutex mutex_;
  std::vector<std::unique_ptr<CurlHandle>> idle_;  // guarded by mutex_; the longest idle first
};

}  // namespace slipway::http
