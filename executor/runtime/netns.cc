#include "executor/runtime/netns.h"

#include <fcntl.h>
#include <sched.h>

#include <cerrno>
#include <thread>

#include "executor/base/fs.h"

namespace slipway::runtime {

Result<NetNamespace> NetNamespace::Create() {
  Result<UniqueFd> fd = Internal("the thread did not run");
  // A thread of its own, so that the caller's network does not change; it ends in the new namespace.
  std::thread([&fd] {
    if (::unshare(CLONE_NEWNET) != 0) {
      fd = ErrnoStatus(errno, "make a network namespace");
      return;
    }
    fd = fs::Open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  }).join();
  if (!fd.ok()) return std::move(fd).status();
  return NetNamespace(std::move(fd).value());
}

std::string NetNamespace::path() const { return fmt::format("/proc/{}/fd/{}", ::getpid(), fd_.get()); }

}  // namespace slipway::runtime
