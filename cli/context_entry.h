// What a folder that is to be built from holds: one ContextEntry a path, as it is announced to the daemon.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "executor/base/digest.h"

namespace slipway::cli {

enum class EntryKind : uint8_t { kFile, kDirectory, kSymlink, kHardlink, kFifo };

/// By what a file that was not touched is known again without reading it.
struct FileStamp {
  uint64_t size = 0;
  int64_t mtime_ns = 0;
  int64_t ctime_ns = 0;
  uint64_t inode = 0;
  uint64_t device = 0;
  bool operator==(const FileStamp&) const = default;
};

/// Name and value, sorted by name.
using Xattrs = std::vector<std::pair<std::string, std::string>>;

struct ContextEntry {
  std::string path;  ///< relative to the folder, no leading slash; any bytes but NUL
  EntryKind kind = EntryKind::kFile;
  uint32_t mode = 0;  ///< 07777
  uint32_t nlink = 1;
  FileStamp stamp;   ///< size is of files only
  std::string link;  ///< target of a symbolic link; path of a hard link's first name
  Xattrs xattrs;
  Digest digest;        ///< of a file; empty until it was read or found in the cache
  std::string content;  ///< of a small file that was just read, so that it need not be read again for sending
  bool has_content = false;
};

/// Orders paths so that a folder comes right before all that is below it: '/' sorts before any other byte.
inline int ComparePaths(std::string_view a, std::string_view b) {
  const size_t common = a.size() < b.size() ? a.size() : b.size();
  for (size_t i = 0; i < common; ++i) {
    if (a[i] == b[i]) continue;
    const unsigned x = a[i] == '/' ? 0 : static_cast<unsigned char>(a[i]);
    const unsigned y = b[i] == '/' ? 0 : static_cast<unsigned char>(b[i]);
    return x < y ? -1 : 1;
  }
  return a.size() == b.size() ? 0 : (a.size() < b.size() ? -1 : 1);
}

}  // namespace slipway::cli
