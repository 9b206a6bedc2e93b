#include "executor/http/curl_pool.h"

#include <algorithm>
#include <new>

namespace slipway::http {

namespace {
void InitOnce() {
  static const CURLcode done = curl_global_init(CURL_GLOBAL_ALL);
  (void)done;
}
}  // namespace

class CurlShare {
 public:
  CurlShare() {
    InitOnce();
    share_ = curl_share_init();
    if (share_ == nullptr) throw std::bad_alloc();
    curl_share_setopt(share_, CURLSHOPT_USERDATA, this);
    curl_share_setopt(share_, CURLSHOPT_LOCKFUNC, &Lock);
    curl_share_setopt(share_, CURLSHOPT_UNLOCKFUNC, &Unlock);
    curl_share_setopt(share_, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_share_setopt(share_, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
  }
  ~CurlShare() { curl_share_cleanup(share_); }
  CURLSH* get() const { return share_; }

 private:
  static void Lock(CURL*, curl_lock_data data, curl_lock_access, void* self) {
    static_cast<CurlShare*>(self)->mutexes_.at(data).lock();
  }
  static void Unlock(CURL*, curl_lock_data data, void* self) {
    static_cast<CurlShare*>(self)->mutexes_.at(data).unlock();
  }

  CURLSH* share_;
  std::array<std::mutex, CURL_LOCK_DATA_LAST> mutexes_;
};

CurlHandle::CurlHandle(std::string origin, CURLSH* share)
    : origin_(std::move(origin)), easy_(curl_easy_init()), multi_(curl_multi_init()) {
  if (easy_ == nullptr || multi_ == nullptr) throw std::bad_alloc();
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, 2L);
  curl_easy_setopt(easy_, CURLOPT_SHARE, share);
}

CurlHandle::~CurlHandle() {
  curl_easy_cleanup(easy_);
  curl_multi_cleanup(multi_);
}

CurlPool::CurlPool(size_t max_idle_per_origin, size_t max_idle, std::chrono::seconds max_age)
    : max_idle_per_origin_(max_idle_per_origin),
      max_idle_(max_idle),
      max_age_(max_age),
      share_(std::make_unique<CurlShare>()) {}

CurlPool::~CurlPool() { idle_.clear(); }

std::unique_ptr<CurlHandle> CurlPool::Acquire(const std::string& origin) {
  std::vector<std::unique_ptr<CurlHandle>> expired;  // closed after the lock is gone
  std::unique_lock lock(mutex_);
  const auto oldest = std::chrono::steady_clock::now() - max_age_;
  const auto fresh = std::find_if(idle_.begin(), idle_.end(), [&](const auto& h) { return h->idle_since_ >= oldest; });
  std::move(idle_.begin(), fresh, std::back_inserter(expired));
  idle_.erase(idle_.begin(), fresh);
  const auto found = std::find_if(idle_.rbegin(), idle_.rend(), [&](const auto& h) { return h->origin() == origin; });
  if (found != idle_.rend()) {
    std::unique_ptr<CurlHandle> handle = std::move(*found);
    idle_.erase(std::next(found).base());
    return handle;
  }
  lock.unlock();
  return std::make_unique<CurlHandle>(origin, share_->get());
}

void CurlPool::Release(std::unique_ptr<CurlHandle> handle) {
  std::unique_ptr<CurlHandle> surplus;  // closed after the lock is gone
  std::lock_guard lock(mutex_);
  const auto same = [&](const auto& h) { return h->origin() == handle->origin(); };
  const auto count = std::count_if(idle_.begin(), idle_.end(), same);
  auto victim = idle_.end();
  if (static_cast<size_t>(count) >= max_idle_per_origin_) {
    victim = std::find_if(idle_.begin(), idle_.end(), same);
  } else if (idle_.size() >= max_idle_) {
    victim = idle_.begin();
  }
  if (victim != idle_.end()) {
    surplus = std::move(*victim);
    idle_.erase(victim);
  }
  handle->idle_since_ = std::chrono::steady_clock::now();
  idle_.push_back(std::move(handle));
}

}  // namespace slipway::http
