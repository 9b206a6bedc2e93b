// Workbench: what the containers of one run share: a workspace with the run's source, a home folder, networks. It takes
// containers from images, local ones or a registry's, and contexts for builds out of the workspace.
//
// Life: Builder::OpenWorkbench → Load → AddNetwork … → StartContainer and FolderContext as often as wanted → destroyed,
// which ends what still runs and removes all of it. Containers must go before their workbench. What a killed daemon
// left is removed when the builder is opened again. Thread-safe but for Load.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/content/store.h"
#include "executor/oci/reference.h"
#include "executor/runtime/runner.h"
#include "executor/source/context_source.h"

namespace slipway::builder {

struct BuiltImage;

/// Where containers see the workspace and the home folder.
inline constexpr std::string_view kWorkspaceFolder = "/workspace";
inline constexpr std::string_view kHomeFolder = "/acb/home";

/// An image that containers can be made of: its layers stay where they are as long as this lives.
struct RunnableImage;
using RunnableImagePtr = std::shared_ptr<const RunnableImage>;

struct ContainerRequest {
  std::vector<std::string> args;           ///< in place of the image's CMD; empty: that
  std::optional<std::string> entry_point;  ///< in place of the image's ENTRYPOINT, whose CMD then does not count; "":
                                           ///< none
  std::vector<std::string> env;            ///< "K=V" over the image's; of equal names the last counts
  std::optional<std::string> working_directory;  ///< absolute; unset: the image's
  std::string user;                              ///< "name", "uid:gid", …; "": the image's
  std::string hostname;
  bool read_only = false;
  bool privileged = false;  ///< PERMISSION_DENIED unless the operator allows it
  double cpus = 0;          ///< 0: no limit, as for memory
  uint64_t memory_bytes = 0;
  uint64_t shm_size_bytes = 0;  ///< 0: 64 MiB

  /// "": outbound access, no other containers; "none"; "host" (PERMISSION_DENIED unless the operator allows it); or a
  /// network of the workbench.
  std::string network;
  std::vector<std::string> aliases;  ///< names on that network
  std::vector<runtime::HostEntry> extra_hosts;
  std::vector<runtime::PublishedPort> ports;

  /// Folders of small files that are in memory only: where they appear, and name to bytes. Read-only.
  std::map<std::string, std::map<std::string, std::string>> volumes;

  /// Called once, by the container's thread, when it has ended (also when it was stopped). May be empty.
  std::function<void(const Result<runtime::ContainerExit>&)> on_exit;
};

/// A container that was started. Destroyed, it is ended (SIGTERM, a second's grace, SIGKILL) and waited for.
class Container {
 public:
  virtual ~Container() = default;
  /// OK once the program runs or has run; else why it could not be started.
  virtual Result<runtime::StartedContainer> WaitStarted(const Context& ctx) = 0;
  /// How it ended. When `ctx` ends first, so does the container, and the context's error is the answer.
  virtual Result<runtime::ContainerExit> Wait(const Context& ctx) = 0;
  /// Begins to end it and returns at once.
  virtual void Stop() = 0;
};

/// A folder of the workspace as the context of a build. The lease must be held until the build has begun.
struct FolderContext {
  source::ContextSpec context;
  std::string dockerfile_text;
  content::Lease lease;
};

class Workbench {
 public:
  virtual ~Workbench() = default;

  struct SourceFacts {
    std::string revision;  ///< commit, "" if none
    std::string branch;
  };
  /// Fetches the source that the workspace is to hold. Once, before anything else; without it the workspace is empty.
  virtual Result<SourceFacts> Load(const Context& ctx, const source::ContextSpec& source, ProgressSink& progress) = 0;
  /// A file of the workspace, by its relative path. NOT_FOUND if it is not there; RESOURCE_EXHAUSTED past `limit`.
  virtual Result<std::string> ReadFile(const std::string& path, uint64_t limit) = 0;

  /// Makes a network of this run. FAILED_PRECONDITION where the host has no means for that.
  virtual Status AddNetwork(const Context& ctx, const std::string& name) = 0;

  /// `folder` and `dockerfile` are absolute paths as containers see them. What the ignore file excludes is left out.
  virtual Result<FolderContext> ReadFolder(const Context& ctx, const std::string& folder,
                                           const std::string& dockerfile) = 0;

  /// Looks the image up in its registry; its layers come when a container is made of it. Codes are the registry's.
  virtual Result<RunnableImagePtr> Resolve(const Context& ctx, const oci::Reference& name, ProgressSink& progress) = 0;
  /// Of an image that was built for this machine's platform (FAILED_PRECONDITION if it was not).
  virtual Result<RunnableImagePtr> Use(const BuiltImage& image, const std::string& name) = 0;

  /// Downloads what is missing of the image, mounts it and starts its program. `output` is called from a thread of the
  /// container, as runtime::OutputSink says, until the container has ended. Only up to the start does `ctx` count.
  virtual Result<std::unique_ptr<Container>> StartContainer(const Context& ctx, const RunnableImagePtr& image,
                                                            const ContainerRequest& request, runtime::OutputSink output,
                                                            const VertexProgress& progress) = 0;
};

}  // namespace slipway::builder
