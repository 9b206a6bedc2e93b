// NetNamespace: a network namespace that lives as long as this object (and as anything runs in it).
//
// It is held by a descriptor, not by a mount: when the daemon is killed the kernel takes the namespace and its devices
// away as soon as its last process has ended, so nothing is left to be cleaned up.
#pragma once

#include <string>

#include "executor/base/status.h"
#include "executor/base/unique_fd.h"

namespace slipway::runtime {

class NetNamespace {
 public:
  /// An empty one; its loopback device is down. The calling thread stays where it is.
  static Result<NetNamespace> Create();

  NetNamespace() = default;
  bool valid() const { return fd_.valid(); }
  /// A path by which any process on the host can open it, as long as this object lives.
  std::string path() const;

 private:
  explicit NetNamespace(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace slipway::runtime
