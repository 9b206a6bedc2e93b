#include "executor/snapshot/scoped_mount.h"

#include <sys/mount.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "executor/base/log.h"

namespace slipway::snapshot {

namespace {
Status Detach(const std::string& target) {
  return ::umount2(target.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0
             ? Status()
             : ErrnoStatus(errno, fmt::format("detach '{}'", target));
}
}  // namespace

ScopedMount& ScopedMount::operator=(ScopedMount&& other) noexcept {
  if (this != &other) {
    ScopedMount old(std::move(*this));
    target_ = std::exchange(other.target_, {});
    mounts_below_ = other.mounts_below_;
  }
  return *this;
}

ScopedMount::~ScopedMount() {
  if (Status status = Unmount(); !status.ok()) spdlog::warn("{}", status.message());
}

Status ScopedMount::Unmount() {
  if (target_.empty()) return Status();
  const std::string target = std::exchange(target_, {});
  // A process that has just been killed may hold the mount until the kernel has buried it.
  constexpr std::chrono::milliseconds kLongestPause(64);
  if (mounts_below_) return Detach(target);
  for (std::chrono::milliseconds pause(1); pause <= kLongestPause; pause *= 2) {
    if (::umount2(target.c_str(), UMOUNT_NOFOLLOW) == 0) return Status();
    if (errno != EBUSY) return ErrnoStatus(errno, fmt::format("unmount '{}'", target));
    std::this_thread::sleep_for(pause);
  }
  spdlog::warn("'{}' is still in use; it is detached and goes away with its last user", target);
  return Detach(target);
}

}  // namespace slipway::snapshot
