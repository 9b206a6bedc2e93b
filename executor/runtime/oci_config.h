// The OCI runtime configuration (config.json) of one container: a pure function of what is asked for and where things
// lie.
//
// Follows the OCI runtime specification 1.0.2 (config.md, config-linux.md). What a program can see of it (capabilities,
// masked paths, mounts) is what BuildKit gives to a RUN.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "executor/runtime/cgroup.h"
#include "executor/runtime/idmap.h"
#include "executor/runtime/runner.h"

namespace slipway::runtime {

/// What the runner adds to a ContainerSpec.
struct BundleContext {
  std::string hosts_path;                    ///< appears as /etc/hosts
  std::string resolv_conf_path;              ///< appears as /etc/resolv.conf
  NetworkMode network = NetworkMode::kNone;  ///< never kDefault
  std::string netns_path;                    ///< kDefault's bridge: the namespace to join; else empty
  std::string cgroups_path;                  ///< "/slipway/<daemon>/<container>", also where there are no controllers
  CgroupLayout cgroups;
  std::string machine;                 ///< as uname(2) says
  std::set<std::string> file_systems;  ///< that the kernel knows ("mqueue")
  std::vector<IdRange> id_mapping;     ///< not empty: in a user namespace with this map for users and groups
  bool has_loop_devices = false;       ///< given to an insecure container
  uint64_t capability_bounds = 0;      ///< a bit for each that we may hand on (CapBnd of /proc/self/status)
};

/// The names of docker's default capabilities, "CAP_" in front.
const std::set<std::string, std::less<>>& DefaultCapabilities();

/// INVALID_ARGUMENT for a spec that no host could run: no args, a NUL byte, a relative path, an unknown ulimit.
Status CheckSpec(const ContainerSpec& spec);

/// `spec` must have passed CheckSpec.
nlohmann::json MakeOciConfig(const ContainerSpec& spec, const BundleContext& context);

}  // namespace slipway::runtime
