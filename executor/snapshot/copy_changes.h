// Finding out what was changed in a folder, by comparing it with notes that were taken before.
#pragma once

#include <sys/stat.h>

#include <map>
#include <string>

#include "executor/base/status.h"

namespace slipway::snapshot {

class CopyChanges {
 public:
  /// Notes down the state of everything in `root`. Returns when a later change is sure to show: a change sets the
  /// inode's time, which moves in steps of some milliseconds.
  static Result<CopyChanges> Note(const std::string& root);

  /// Moves what was made or changed since then from `root` into the new folder `layer`, in overlay's form; what was
  /// removed gets its marks there. `root` is of no use afterwards.
  Status MoveInto(const std::string& root, const std::string& layer) const;

 private:
  struct Noted {
    ino_t inode = 0;
    mode_t mode = 0;
    timespec changed{};
    int64_t born_ns = 0;  ///< tells a new folder from the old one whose inode it got; 0 where it is not known
  };
  using Children = std::map<std::string, Noted>;

  Status NoteFolder(const std::string& root, const std::string& path);
  Status MoveFolder(const std::string& from, const std::string& to, const std::string& path, bool is_new) const;
  static bool IsUnchanged(const Noted& noted, const struct stat& st);
  static bool IsSameFolder(const Noted& noted, const struct stat& st, const std::string& path);

  std::map<std::string, Children> folders_;  // by path: "" for the root, else "/a/b"
  timespec latest_{};
};

}  // namespace slipway::snapshot
