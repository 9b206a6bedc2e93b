// Task: what a run is to do, as steps with the order between them. Made from a quick build (quick_build.h) or from a
// task file (task_file.h), which has filled in all defaults by then. Plain data: nothing here runs.
//
// Names are those of the task file ("startDelay" is `start_delay`). What has no unit in its type is in seconds in the
// file.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "executor/base/status.h"
#include "executor/builder/builder.h"
#include "executor/oci/reference.h"

namespace slipway::task {

/// A place in the file that the user wrote, both from 1; 0 where there is none (a quick build).
struct Position {
  int line = 0;
  int column = 0;
  bool operator==(const Position&) const = default;
};

/// Builds an image and keeps it for later steps under its names (request.names).
struct BuildStep {
  builder::BuildRequest request;
  /// Make the image whole although no step pushes it, so that its digest is known.
  bool assemble = false;
  /// Of a task file, where the context is a folder of the workspace: request.context is then not set and is to be made
  /// of that folder as it is when the step begins. An absolute path in the containers' eyes ("/workspace/app").
  std::string context_folder;
  /// With context_folder: the Dockerfile, which need not lie in that folder ("/workspace/docker/app.Dockerfile").
  /// request.dockerfile is not set then.
  std::string dockerfile;
  /// The image of the last build is put on its base as that is now, and is built only where that is not certain to be
  /// the same (builder::Builder::Rebase).
  bool rebase = false;
  /// What clients will fetch of the image; it is kept in the report then.
  std::vector<builder::Output> outputs;
};

/// Pushes images that earlier steps of the run have built.
struct PushStep {
  std::vector<oci::Reference> names;  ///< each once
};

/// A port of the container, reachable on the machine.
struct PortMapping {
  std::string host_address;      ///< "" : loopback
  uint16_t host_port = 0;        ///< 0: any that is free
  uint16_t container_port = 0;   ///< never 0
  std::string protocol = "tcp";  ///< or "udp"
  bool operator==(const PortMapping&) const = default;
};

/// Runs a container of an image that an earlier step has built, or else of one from a registry.
struct CmdStep {
  std::string image;                   ///< as written, after aliases: for messages
  oci::Reference local_name;           ///< what a build step calls it; looked up among the run's images first
  oci::Reference remote_name;          ///< where it is pulled from otherwise
  std::vector<std::string> arguments;  ///< in place of the image's CMD; empty: that

  bool pull = false;         ///< ask the registry although the image is known here; before the step's time begins
  int download_retries = 0;  ///< attempts of that pull after the first
  std::chrono::seconds download_retry_delay{0};

  bool detach = false;  ///< the step ends well once its program runs; that goes on until the end of the run
  bool keep = false;    ///< the container is not removed before the end of the run
  std::optional<std::string> entry_point;    ///< one word in place of the image's ENTRYPOINT; "": none
  std::string hostname;                      ///< "": the step's id
  std::vector<std::string> network_aliases;  ///< further names on the network, besides the step's id
  std::vector<std::string> extra_hosts;      ///< "name:address"
  bool read_only = false;                    ///< the container's root
  uint64_t memory_bytes = 0;                 ///< 0: no limit
  uint64_t shm_size_bytes = 0;               ///< 0: the default
};

/// When a step runs, seen from how the run has gone so far.
enum class RunOn {
  kSuccess,  ///< all steps that it waits for ended well
  kFailure,  ///< a step of the run has failed (without ignoreErrors), and those it waits for are over
  kAlways,   ///< those it waits for are over: ended, or not to be run any more
};
std::string_view RunOnName(RunOn when);

struct VolumeMount {
  std::string name;        ///< of a volume of the task
  std::string mount_path;  ///< absolute, in the container
  bool read_only = true;
  Position position;
};

/// Members that say "containers" are for the programs of cmd steps and for nothing else.
struct Step {
  std::string id;  ///< unique in the task; "acb_step_<n>" where the file gives none
  /// Ids of the earlier steps that it waits for, each once. Empty: it may begin at once. The file's "none given" (the
  /// step before) and "-" are resolved.
  std::vector<std::string> when;
  /// For all attempts and repetitions and the pauses between them, not for start_delay.
  std::chrono::seconds timeout{600};
  std::variant<BuildStep, PushStep, CmdStep> what;

  std::chrono::seconds attempt_timeout{0};  ///< for each attempt; 0: none
  std::chrono::seconds start_delay{0};
  int retries = 0;  ///< further attempts after one that failed
  std::chrono::seconds retry_delay{5};
  /// Not empty: only an attempt whose output holds one of these (case matters) is followed by another.
  std::vector<std::string> retry_on_errors;
  int repeat = 0;  ///< further rounds after the first, whatever its outcome
  bool ignore_errors = false;
  RunOn run_on = RunOn::kSuccess;

  /// "NAME=VALUE", merged with the task's; of equal names the last counts. Containers.
  std::vector<std::string> env;
  /// Absolute path; unset: the image's own (disableWorkingDirectoryOverride). Containers; for a build it is the folder
  /// that context_folder was relative to.
  std::optional<std::string> working_directory = "/workspace";
  std::string user;  ///< "name", "uid", "uid:gid" …; "": the image's. Containers.
  /// Name of one of the task's networks, "none", "host", or "" for the runtime's default with no other containers on
  /// it. Containers; a build has the network of its own flags.
  std::string network;
  std::vector<PortMapping> ports;          ///< containers
  std::vector<std::string> expose;         ///< "port[/protocol]"; containers; says, and opens nothing
  std::vector<VolumeMount> volume_mounts;  ///< containers
  double cpus = 0;                         ///< 0: no limit
  bool privileged = false;                 ///< whether that is allowed is decided by who runs it

  Position position;  ///< of the step's first key

  /// "build", "push" or "cmd".
  std::string_view kind() const;
};

/// A secret that templates see as .Secrets.<id>. Resolved before the task is complete.
struct Secret {
  std::string id;
  std::string keyvault;   ///< what names it to a provider: a URL, "env:NAME", …
  std::string client_id;  ///< lower case UUID of an identity; ""
  Position position;
};

struct Network {
  std::string name;
  std::string driver;  ///< "" : a bridge
  bool ipv6 = false;
  bool skip_creation = false;  ///< neither made nor removed by the run
  bool is_default = false;     ///< already given to the steps without one
  Position position;
};

/// A folder of small files that steps mount.
struct Volume {
  std::string name;
  std::map<std::string, std::string> files;  ///< name → bytes (decoded)
  Position position;
};

struct Task {
  std::string file;  ///< what messages call it ("acb.yaml"); "" for a quick build
  std::string version = "v1.0.0";
  std::vector<Step> steps;  ///< may be empty
  std::vector<Secret> secrets;
  std::vector<Network> networks;  ///< to be made in this order
  std::vector<Volume> volumes;
  int max_parallel = 0;  ///< steps at once; 0: no limit of the task's own
};

/// INVALID_ARGUMENT if ids are empty or double, or `when` names a step that does not come before.
Status Validate(const Task& task);

}  // namespace slipway::task
