// NamedContexts: the contexts of --build-context NAME=VALUE. Folders and OCI layouts of this machine are packed and
// sent as the main context is; all else is a location that the daemon reads itself.
//
// Used once: Parse, Pack, then Send until the run is scheduled. Not thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/connection.h"
#include "cli/context_packer.h"
#include "cli/context_upload.h"
#include "executor/base/context.h"
#include "executor/base/status.h"
#include "executor/base/thread_pool.h"
#include "slipway/v1/runs.pb.h"

namespace slipway::cli {

class NamedContexts {
 public:
  NamedContexts() = default;
  /// `words` are "NAME=VALUE". NOT_FOUND for a folder or layout that is not there; of several with one name the last
  /// counts.
  static Result<NamedContexts> Parse(const std::vector<std::string>& words);

  /// Whether something of this machine is to be sent.
  bool HasFolders() const;
  /// Reads the folders, each under its own .dockerignore.
  Status Pack(const Context& ctx, ThreadPool& pool, const std::string& cache_dir, ReadProgress* progress);
  /// Sends what the daemon is not known to have, or all if `again`, and names everything in `request`. `note` is told
  /// what was sent.
  Status Send(const Context& ctx, Connection& connection, bool again, UploadProgress* progress,
              const std::function<void(std::string_view)>& note, v1::DockerBuildRequest* request);
  /// Keeps for the next time what was read and sent.
  void SaveCaches();

 private:
  struct Named {
    std::string name;
    std::string location;               ///< for the daemon; of a folder once it was sent
    std::string folder;                 ///< "" for what is not of this machine
    std::vector<std::string> patterns;  ///< what of the folder is left out
    std::string layout_root;            ///< digest of the image, for a layout
    std::unique_ptr<ContextPacker> packer;
  };

  static Status ParseOne(const std::string& word, Named* named);
  static Status SendOne(const Context& ctx, Connection& connection, bool again, UploadProgress* progress,
                        const std::function<void(std::string_view)>& note, Named& named);

  std::vector<Named> contexts_;
};

}  // namespace slipway::cli
