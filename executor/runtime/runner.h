// Runner: runs one container to its end, for a RUN instruction or a `cmd` step.
//
// The caller brings a root file system that is already mounted (an overlay, say) and stays its owner; the runner writes
// the OCI bundle, joins a network, starts the runtime, hands on what the program prints, and removes every trace but
// the program's own writes below `rootfs`. Runners are thread-safe: any number of Run calls may be under way at once.
//
// Follows the OCI runtime specification 1.0.2; what the container sees is what BuildKit shows to a RUN.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/cleanup.h"
#include "executor/base/context.h"
#include "executor/base/process.h"
#include "executor/base/status.h"

namespace slipway::runtime {

class IdMap;  // idmap.h

enum class NetworkMode {
  kDefault,  ///< what the operator made the default: a bridge with outbound access, unless configured otherwise
  kNone,     ///< a loopback device only
  kHost,     ///< the host's own; whether a build may have it is decided above
};

enum class SecurityMode {
  kSandbox,   ///< docker's default capabilities, seccomp profile, masked paths
  kInsecure,  ///< all capabilities, no seccomp, nothing masked, all devices; whether a build may have it is decided
              ///< above
};

/// Numbers only: names are resolved in the image by the caller.
struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> additional_gids;
};

struct Mount {
  enum class Type {
    kBind,   ///< `source` (file or folder on the host) appears at `destination`, with what is mounted below it
    kTmpfs,  ///< an empty file system in memory
    kFiles,  ///< a folder with `files`, in memory only: read-only, each 0400 and the container user's own
  };
  Type type = Type::kBind;
  std::string source;       ///< kBind: absolute path on the host
  std::string destination;  ///< absolute path in the container; symbolic links on the way are followed inside the root
  bool read_only = false;
  std::vector<std::string> options;  ///< further mount(8) options: "nosuid", "noexec", …

  // kTmpfs only.
  uint64_t size_bytes = 0;     ///< 0: the kernel's default, half of the memory
  std::optional<mode_t> mode;  ///< of its root; unset: 01777
  std::optional<uid_t> uid;    ///< of its root; unset: 0
  std::optional<gid_t> gid;

  std::map<std::string, std::string> files;  ///< kFiles only: name (without a slash) to bytes
};

/// A port of the container that can be reached on the host for as long as the container runs.
struct PublishedPort {
  std::string host_address = "127.0.0.1";
  uint16_t host_port = 0;  ///< 0: any that is free
  uint16_t container_port = 0;
  bool udp = false;
};

/// What is known of a container once its program runs.
struct StartedContainer {
  std::string address;               ///< on its bridge; empty without one
  std::vector<PublishedPort> ports;  ///< with the host ports that were chosen
};

struct HostEntry {
  std::string address;
  std::string name;
};

/// `name` without "RLIMIT_", in lower case: "nofile". -1 is unlimited.
struct Ulimit {
  std::string name;
  int64_t soft = -1;
  int64_t hard = -1;
};

/// 0 or empty: no limit. Where the host has no cgroup controller for it a limit is left out and a warning logged, once.
struct Limits {
  uint64_t memory_bytes = 0;
  /// Memory and swap together, as docker's --memory-swap; -1 is unlimited swap.
  int64_t memory_swap_bytes = 0;
  double cpus = 0;
  /// Docker's scale: 1024 is the usual share.
  uint64_t cpu_shares = 0;
  int64_t cpu_quota_us = 0;
  uint64_t cpu_period_us = 0;
  std::string cpuset_cpus;
  std::string cpuset_mems;
  int64_t pids = 0;
};

/// A network that some containers share, made by Runner::CreateNetwork. They reach each other by alias.
struct NetworkGroup {
  std::string name;                  ///< empty: none, other containers are not reached
  std::vector<std::string> aliases;  ///< host names of this container
};

struct ContainerSpec {
  std::string rootfs;  ///< a mounted folder on the host; written by the container unless read_only
  /// The root's layers were reached through mounts with Runner::id_map: the container gets a user namespace with that
  /// map.
  bool id_mapped = false;
  std::vector<std::string> args;  ///< args[0] without a slash is looked up in `env`'s PATH
  std::vector<std::string> env;   ///< "K=V"; passed as it is, with no additions of ours but HOME if missing
  std::string cwd = "/";          ///< made for the user (0755) if the image lacks it, and stays
  User user;
  std::string hostname = "buildkitsandbox";
  bool read_only = false;
  NetworkMode network = NetworkMode::kDefault;
  NetworkGroup network_group;
  SecurityMode security = SecurityMode::kSandbox;
  std::vector<Mount> mounts;  ///< in this order, after /proc, /dev, /sys and the files of /etc that the runner gives
  std::vector<HostEntry> extra_hosts;
  std::vector<Ulimit> ulimits;
  uint64_t shm_size_bytes = 0;  ///< 0: 64 MiB
  Limits limits;
  /// FAILED_PRECONDITION if a port is taken. Left out where the container has no bridge.
  std::vector<PublishedPort> ports;
  /// Called once, by a thread of the runner, when the program runs (where a runtime finds out late that it cannot be
  /// started, Run tells that afterwards). May be empty.
  std::function<void(const StartedContainer&)> on_started;
  /// How long after SIGTERM a cancelled container is killed.
  std::chrono::milliseconds stop_grace = std::chrono::seconds(5);
};

enum class Stream { kStdout = 1, kStderr = 2 };

/// Called with what the program wrote, as it comes and in order of each stream; never from two threads at once. A chunk
/// may end within a line or a character. While it runs, nothing more is read: a slow sink slows the program down.
using OutputSink = std::function<void(Stream, std::string_view)>;

/// How a container's first process ended.
struct ContainerExit {
  ExitStatus exit;  ///< code 128 + n also where a shell told so; `signal` only if the first process itself died of one
  bool oom_killed =
      false;  ///< the kernel killed some process of it for its memory limit (false if that cannot be told)
};

class Runner {
 public:
  virtual ~Runner() = default;

  /// Blocks until the container has ended and is gone. A program that fails is an exit, not an error. Input is
  /// /dev/null.
  ///
  /// On cancel every process of the container is killed (SIGTERM, the spec's grace, SIGKILL); then ctx.Err().
  /// NOT_FOUND or PERMISSION_DENIED if the program cannot be started ("exec \"foo\": executable file not found in
  /// $PATH"); INVALID_ARGUMENT for a spec that no host could run; FAILED_PRECONDITION where this host lacks what it
  /// asks for (a network, say); else UNAVAILABLE with the words of the runtime or of what makes the network.
  ///
  /// Mount points that had to be made below `rootfs` are removed afterwards if they are empty still, and the times of
  /// the folders that held them are put back. Only /proc, /dev and /sys stay, as in an image that BuildKit made.
  virtual Result<ContainerExit> Run(const Context& ctx, const ContainerSpec& spec, const OutputSink& output) = 0;

  /// A container will be run in a moment: what takes its time may begin. Does not wait.
  virtual void Expect() {}

  /// Whether NetworkMode::kDefault stands for kNone, because the operator wants it so.
  virtual bool offline() const { return false; }

  /// The map for containers in user namespaces, or null if there are none here. A caller that mounts a root for a
  /// sandboxed container uses it (idmap.h says how) and sets ContainerSpec::id_mapped.
  virtual const IdMap* id_map() const { return nullptr; }

  /// Makes a network for ContainerSpec::network_group, with outbound access and name service; it is removed when the
  /// value ends, after the last container in it. ALREADY_EXISTS if the name is taken; FAILED_PRECONDITION if the host
  /// has no means.
  virtual Result<Cleanup> CreateNetwork(const Context& ctx, const std::string& name) {
    (void)ctx;
    return Unimplemented("create network '{}'", name);
  }
};

}  // namespace slipway::runtime
