// FolderWriter: makes a tree in a folder, in the form of an overlay's layer (whiteouts are character devices 0:0, an
// opaque folder has an attribute).
//
// Every operation works on a parent folder's descriptor, opened beneath the root without following any link, so nothing
// outside the root can be touched whatever the names say. Folders get their owner, mode and times last, by
// FinishFolder. Not thread-safe.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>

#include "executor/base/status.h"
#include "executor/base/unique_fd.h"
#include "executor/tree/entry.h"

namespace slipway::layer {

class FolderWriter {
 public:
  /// `dir` exists.
  static Result<FolderWriter> Open(const std::string& dir);

  /// With mode 0700, for the time being.
  Status MakeFolder(const std::string& path);
  /// A symlink, device, fifo or whiteout with all its metadata.
  Status MakeNode(const std::string& path, const tree::Entry& entry);
  Status MakeLink(const std::string& path, const std::string& target);
  /// Owner, mode, time and attributes of a file that was made.
  Status ChangeFile(const std::string& path, const tree::Entry& entry);
  Status Remove(const std::string& path, bool folder);

  /// A new file: Begin, Write at rising offsets, End. What is not written is a hole.
  Status BeginFile(const std::string& path, const tree::Entry& entry);
  Status Write(std::string_view bytes, uint64_t offset);
  /// `length` bytes of `fd` from `from`, inside the kernel where it can.
  Status CopyFrom(int fd, int64_t from, uint64_t length, uint64_t offset);
  Status EndFile();

  /// Owner, mode, attributes and times of a folder that was made (or of the root: ""). Nothing may be made in it
  /// afterwards.
  Status FinishFolder(const std::string& path, const tree::Entry& entry);

 private:
  struct OpenFolder {
    std::string path;
    UniqueFd fd;
  };
  struct Place {
    int folder = -1;
    const char* base = nullptr;  // points into the path
  };

  explicit FolderWriter(UniqueFd root);
  Result<Place> Locate(const std::string& path);
  Status SetXattrs(int fd, const tree::Entry& entry);
  Status SetNodeXattrs(const Place& place, const tree::Entry& entry);

  UniqueFd root_;
  std::list<OpenFolder> folders_;  // the last one used first
  mode_t masked_ = 0777;           // permission bits that a new file may not get by open()
  UniqueFd file_;
  tree::Entry file_entry_;  // without what EndFile does not need
  uint64_t written_to_ = 0;
};

}  // namespace slipway::layer
