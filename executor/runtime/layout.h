// Where a daemon's containers are on the host: the one place that owns those names.
//
//   <run root>/lock                      held while a daemon uses the run root
//   <run root>/containers/<id>/          a bundle: config.json, hosts, resolv.conf, the runtime's log, the program's
//   pid <run root>/state/<runtime>/<id>/     the runtime's own notes (--root) <run root>/netavark/ netavark's own notes
//   <cgroup mount>/<cgroup parent>/<daemon>/<id>
//   slw<hash of the daemon's id>         its bridge
#pragma once

#include <string>

#include "executor/base/context.h"
#include "executor/base/digest.h"
#include "executor/base/fs.h"
#include "executor/runtime/oci_runner.h"

namespace slipway::runtime {

inline std::string ContainersDir(const RunnerOptions& o) { return fs::Join(o.run_root, "containers"); }
inline std::string MountsDir(const RunnerOptions& o) { return fs::Join(o.run_root, "mounts"); }
inline std::string FilesDir(const RunnerOptions& o) { return fs::Join(MountsDir(o), "files"); }
inline std::string StatesDir(const RunnerOptions& o) { return fs::Join(o.run_root, "state"); }
inline std::string NetavarkDir(const RunnerOptions& o) { return fs::Join(o.run_root, "netavark"); }
inline std::string DaemonCgroup(const RunnerOptions& o) { return fs::Join(o.cgroup_parent, o.daemon_id); }
inline std::string BridgePrefix(const RunnerOptions& o) { return "slw" + Digest::Of(o.daemon_id).hex().substr(0, 8); }

/// `runtime delete --force`.
Status DeleteByRuntime(const Context& ctx, const OciRuntime& runtime, const std::string& state_root,
                       const std::string& id);

/// As mkdir -p inside the root, following its links; the folders that are made belong to `uid` and `gid`.
Status MakeDirsInRoot(int root_fd, const std::string& path, uid_t uid, gid_t gid);

/// Removes the mount points in a folder, and the folder. What is still mounted stays, whatever it holds.
void RemoveMountPoints(const std::string& folder);

/// Whether containers work in user namespaces with `runner`'s map, tried in `snapshots`; else why not.
Status ProbeUserNamespaces(const Context& ctx, Runner& runner, const IdMap& map, const std::string& snapshots);

}  // namespace slipway::runtime
