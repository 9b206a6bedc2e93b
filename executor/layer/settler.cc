#include "executor/layer/settler.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "executor/base/fs.h"
#include "executor/base/log.h"

namespace slipway::layer {

namespace {
constexpr std::chrono::seconds kGather{1};
}

std::string BootId() {
  std::string id = fs::ReadFile("/proc/sys/kernel/random/boot_id", 100).ValueOr("");
  while (id.ends_with('\n')) id.pop_back();
  return id;
}

Settler::~Settler() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (worker_.joinable()) worker_.join();
}

void Settler::Add(const Key& key) {
  const std::lock_guard lock(mutex_);
  waiting_.push_back(key);
  if (!worker_.joinable()) worker_ = std::thread([this] { Work(); });
  changed_.notify_all();
}

void Settler::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    changed_.wait_for(lock, kGather, [this] { return stopping_; });
    if (waiting_.empty()) return;  // stopping
    const std::vector<Key> keys = std::exchange(waiting_, {});
    lock.unlock();
    if (const Status status = SettleNow(keys); !status.ok()) spdlog::warn("{}", status.message());
    lock.lock();
  }
}

// What cannot be settled stays marked, and is made again after the next loss of power.
Status Settler::SettleNow(const std::vector<Key>& keys) const {
  const std::string what = "bring the folders of steps to the disk";
  auto root = fs::Open(root_, O_RDONLY | O_DIRECTORY);
  if (!root.ok()) return std::move(root).status().With(what);
  if (::syncfs(root->get()) != 0) return ErrnoStatus(errno, what);
  return settled_(keys).With(what);
}

}  // namespace slipway::layer
