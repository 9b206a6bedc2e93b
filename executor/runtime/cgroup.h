// Control groups: which kind the host has, where a container's are, and removing what a killed daemon left there.
//
// Three kinds of host: v1 (also hybrid, where v2 is there for systemd only), v2, and none (no mount, or not ours to
// write).
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/status.h"

namespace slipway::runtime {

enum class CgroupMode { kNone, kV1, kV2 };

std::string_view CgroupModeName(CgroupMode mode);

struct CgroupLayout {
  CgroupMode mode = CgroupMode::kNone;
  std::set<std::string, std::less<>> controllers;  ///< that limit something: "memory", "cpu", "cpuset", "pids"
  /// v1: controller (or "name=systemd") to mount point; v2: "" to mount point. In hybrid mode both.
  std::map<std::string, std::string, std::less<>> mounts;

  bool Has(std::string_view controller) const { return controllers.contains(controller); }
};

/// From the text of /proc/self/mountinfo. `v2_controllers` is the text of cgroup.controllers at the v2 mount.
CgroupLayout ParseCgroupLayout(std::string_view mountinfo, std::string_view v2_controllers);
/// This host's.
CgroupLayout DetectCgroups();

/// How often the kernel killed a process of the group for its memory limit; 0 where that cannot be read. `path` is the
/// container's path below the mount points ("/slipway/d1/c1").
uint64_t OomKills(const CgroupLayout& layout, const std::string& path);

/// Kills every process in `path` and below (in each hierarchy) and removes the folders. Not there is OK.
/// DEADLINE_EXCEEDED if something is left after `patience`.
Status RemoveCgroups(const Context& ctx, const CgroupLayout& layout, const std::string& path,
                     std::chrono::milliseconds patience = std::chrono::seconds(10));

}  // namespace slipway::runtime
