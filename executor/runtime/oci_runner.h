// OciRunner: the Runner that uses an installed OCI runtime, one for each daemon.
//
// All that it makes carries the daemon's id (containers, cgroups, the bridge) or lies in its run root, so that several
// daemons live side by side and each finds what it left when it was killed. Make removes that before the first
// container runs; a container of a killed daemon may live on until then. Thread-safe; destroyed after the last Run has
// returned.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "executor/base/fs.h"
#include "executor/base/guarded.h"
#include "executor/runtime/bridge_network.h"
#include "executor/runtime/cgroup_ahead.h"
#include "executor/runtime/etc_files.h"
#include "executor/runtime/idmap.h"
#include "executor/runtime/oci_config.h"
#include "executor/runtime/oci_runtime.h"
#include "executor/runtime/peer_hosts.h"
#include "executor/runtime/runner.h"

namespace slipway::runtime {

enum class UserNamespaces {
  kOff,
  kAuto,  ///< if they work here
};

struct RunnerOptions {
  std::string daemon_id;  ///< [A-Za-z0-9_-]{1,40}, unique on this host and the same after a restart
  std::string run_root;   ///< made if missing; on a tmpfs if possible ("/run/slipway/<id>")
  std::vector<std::string> runtimes = {"crun", "runc"};  ///< in the order in which they are tried; names or paths
  std::string cgroup_parent = "/slipway";
  /// What NetworkMode::kDefault stands for; kDefault itself means the bridge.
  NetworkMode default_network = NetworkMode::kDefault;
  std::string netavark;                               ///< empty: looked for
  std::string subnet_pool = "10.214.0.0/16";          ///< the bridge takes a free /24 of it
  std::string subnet_locks = "/run/slipway-subnets";  ///< shared by all daemons of the host
  DnsOptions dns;
  UserNamespaces user_namespaces = UserNamespaces::kOff;  ///< decisions/0001-user-namespaces.md
  std::vector<IdRange> id_ranges = {{.container = 0, .host = 1U << 30, .count = 1U << 30}};
  std::string snapshots;  ///< the folder that roots are made in, where owners have to be mapped; needed for kAuto
};

class OciRunner : public Runner {
 public:
  /// Locks the run root, finds a runtime (FAILED_PRECONDITION if none works), removes left-overs, and begins to make
  /// the network.
  static Result<std::unique_ptr<OciRunner>> Make(const Context& ctx, const RunnerOptions& options);
  ~OciRunner() override;

  Result<ContainerExit> Run(const Context& ctx, const ContainerSpec& spec, const OutputSink& output) override;
  void Expect() override { ahead_.Expect(); }
  bool offline() const override { return options_.default_network == NetworkMode::kNone; }
  const IdMap* id_map() const override { return id_map_ ? &*id_map_ : nullptr; }
  Result<Cleanup> CreateNetwork(const Context& ctx, const std::string& name) override;

  const RuntimeProbe& probe() const { return probe_; }
  /// OK, or why a container could not have a place on the bridge now (blocks until that is known).
  Status NetworkState(const Context& ctx);
  /// The bridge's own address, by which containers reach the host; empty without a bridge.
  std::string gateway();

 private:
  struct Attached;  // a container's place in a network
  struct Bundle;    // its folder
  struct Group {
    std::unique_ptr<BridgeNetwork> bridge;
    PeerHosts hosts;
  };
  OciRunner(RunnerOptions options, fs::FileLock lock, RuntimeProbe probe);
  void OpenUserNamespaces(const Context& ctx);
  void OpenNetwork();
  Result<std::unique_ptr<BridgeNetwork>> MakeBridge(BridgeNetwork::Options options) const;
  Result<Attached> JoinGroup(const Context& ctx, const ContainerSpec& spec);
  /// Never less of a network than was asked for: a step that misses it can end well, with a result that is wrong.
  Result<Attached> Attach(const Context& ctx, const ContainerSpec& spec);
  /// That of all containers without a network of their own. Made now if it could not be before: what was missing may
  /// have been installed.
  Result<BridgeNetwork*> Bridge();
  Result<BridgeNetwork::Lease> TakeLease(const Context& ctx);
  Result<std::vector<snapshot::ScopedMount>> MountFilesOf(ContainerSpec& spec, Cleanup& remove) const;
  Result<Bundle> MakeBundle(const ContainerSpec& spec, const Attached& network) const;
  Result<ContainerSpec> MapMounts(const ContainerSpec& spec, Bundle& bundle) const;
  Result<ContainerExit> RunBundle(const Context& ctx, const ContainerSpec& spec, const Bundle& bundle,
                                  const std::function<void()>& on_started, const OutputSink& output);
  const OciRuntime& RuntimeFor(const ContainerSpec& spec) const;
  void Delete(const OciRuntime& runtime, const std::string& id) const;
  std::string StateRoot(const OciRuntime& runtime) const;
  std::string CgroupOf(const std::string& id) const;

  const RunnerOptions options_;
  const fs::FileLock lock_;
  const RuntimeProbe probe_;
  const BundleContext host_;
  CgroupAhead ahead_;
  std::optional<IdMap> id_map_;
  Guarded<std::unique_ptr<BridgeNetwork>> bridge_;  // null until it could be made, then the same for ever
  Guarded<std::map<std::string, std::shared_ptr<Group>>> groups_;
  std::atomic<uint32_t> groups_made_ = 0;
  std::atomic<bool> told_limits_ = false;
};

/// Kills and removes what a killed daemon with these options left: containers, cgroups, mounts and folders in the run
/// root, bridges with their firewall rules. What there is is read from the kernel and the run root. No other process
/// may use the run root meanwhile. Make does this; it must come before the snapshots' mounts are swept, which such
/// containers keep busy.
Status RecoverRunRoot(const Context& ctx, const RunnerOptions& options, const OciRuntime& runtime);

}  // namespace slipway::runtime
