// TailFile: a file that one writer appends to while others read it. Writes are gathered in memory and go to the file in
// large pieces (Flush); readers see what is in the file. Nothing is synced: the kernel keeps it if the daemon dies.
//
// Thread-safe. The file is opened by the first use, so that one that is only waited for costs no descriptor.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "executor/base/status.h"
#include "executor/base/unique_fd.h"

namespace slipway::logs {

class TailFile {
 public:
  explicit TailFile(std::string path) : path_(std::move(path)) {}

  /// Cuts the file to `size` bytes, which must not be more than it has. Before the first Append.
  Status Truncate(uint64_t size);
  /// Whether there is anything that Flush would write.
  bool dirty() const;
  /// Adds bytes; writes them at once if much has gathered. The failure of a write is told once, and all that comes
  /// after it is dropped: a full disk must not end a build.
  Status Append(std::string_view bytes);
  Status Flush();
  /// Bytes in the file.
  Result<uint64_t> Size();
  /// Reads from the file; the number of bytes read, 0 at its end.
  Result<size_t> ReadAt(std::span<char> buffer, uint64_t offset);

  const std::string& path() const { return path_; }

 private:
  Status FlushLocked();
  // The descriptor, or nullptr if the file is not there and is not to be made.
  Result<std::shared_ptr<const UniqueFd>> Descriptor(bool create);

  const std::string path_;
  mutable std::mutex mutex_;
  std::shared_ptr<const UniqueFd> fd_;  // guarded by mutex_; shared with reads that are under way
  std::string pending_;                 // guarded by mutex_
  bool failed_ = false;                 // guarded by mutex_
};

}  // namespace slipway::logs
