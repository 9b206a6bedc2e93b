// SnapshotFolder: a folder of a snapshot's own that is removed at the end of its life.
#pragma once

#include <string>
#include <utility>

#include "executor/base/status.h"

namespace slipway::snapshot {

class SnapshotFolder {
 public:
  enum class Holds {
    kFiles,        ///< is removed with all that is in it
    kMountPoints,  ///< holds empty folders only: what is still mounted on them is detached, no file is ever removed
  };
  /// A new folder in `parent` with exactly this mode.
  static Result<SnapshotFolder> Make(const std::string& parent, mode_t mode, Holds holds);
  SnapshotFolder() = default;
  SnapshotFolder(SnapshotFolder&& other) noexcept : path_(std::exchange(other.path_, {})), holds_(other.holds_) {}
  SnapshotFolder& operator=(SnapshotFolder&& other) noexcept;
  /// Logs a failure.
  ~SnapshotFolder();
  const std::string& path() const { return path_; }

 private:
  SnapshotFolder(std::string path, Holds holds) : path_(std::move(path)), holds_(holds) {}
  std::string path_;
  Holds holds_ = Holds::kFiles;
};

}  // namespace slipway::snapshot
