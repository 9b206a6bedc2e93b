#include "executor/layer/settler.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
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

Settler::Settler(std::string root, Settled settled)
    : root_(std::move(root)), settled_(std::move(settled)), waiting_("settle", kGather, [this](std::vector<Key> keys) {
        if (const Status status = SettleNow(keys); !status.ok()) spdlog::warn("{}", status.message());
      }) {}

// What cannot be settled stays marked, and is made again after the next loss of power.
Status Settler::SettleNow(const std::vector<Key>& keys) const {
  const std::string what = "bring the folders of steps to the disk";
  auto root = fs::Open(root_, O_RDONLY | O_DIRECTORY);
  if (!root.ok()) return std::move(root).status().With(what);
  if (::syncfs(root->get()) != 0) return ErrnoStatus(errno, what);
  return settled_(keys).With(what);
}

}  // namespace slipway::layer
