// SubnetLease: an IPv4 /24 of this machine that no other daemon and no route uses.
//
// A file lock below a folder that all daemons share keeps two of them from choosing the same one; the kernel's routing
// table tells what is in use otherwise. The lock ends with the process.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/fs.h"
#include "executor/base/status.h"

namespace slipway::runtime {

/// Host byte order.
struct Ipv4Net {
  uint32_t address = 0;
  int prefix = 0;

  /// "10.214.0.0/16"; INVALID_ARGUMENT otherwise. Host bits are cleared.
  static Result<Ipv4Net> Parse(std::string_view text);
  std::string ToString() const;
  bool Overlaps(const Ipv4Net& other) const;
  /// The n-th address in it: 1 is the gateway by our custom.
  std::string Host(uint32_t n) const;
};

/// What /proc/net/route says; the default route is left out.
std::vector<Ipv4Net> ParseRoutes(std::string_view proc_net_route);

class SubnetLease {
 public:
  /// A free /24 out of `pool`, or `pool` itself if it is no larger than that; RESOURCE_EXHAUSTED if all are taken.
  /// `first` says where to begin looking, so that a daemon tends to get the same one again.
  static Result<SubnetLease> Acquire(const Ipv4Net& pool, const std::string& lock_dir, uint32_t first);

  SubnetLease() = default;
  const Ipv4Net& net() const { return net_; }

 private:
  Ipv4Net net_;
  fs::FileLock lock_;
};

}  // namespace slipway::runtime
