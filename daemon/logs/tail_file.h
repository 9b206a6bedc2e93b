// TailFile: a file that one writer appends to while others read it. Writes are gathered in memory and go to the file in
// large pieces (Flush); readers see what is in the file. Nothing is synced: the kernel keeps it if the daemon dies.
//
// Thread-safe. The file is opened by the first use, so that one that is only waited for costs no descriptor.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
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
  /// Whether there is anything that Flush would write or tell.
  bool dirty() const;
  /// Adds bytes; writes them at once if much has gathered.
  void Append(std::string_view bytes);
  /// Writes what has gathered. What cannot be written is lost, for a full disk must not end a build, and each write
  /// after it is tried anew; the file then goes on behind the last one that was whole. A failure, also one of a write
  /// within Append, is told once until writing has worked again.
  Status Flush();
  /// How many bytes were lost since this was asked.
  uint64_t TakeLost();
  /// Bytes in the file.
  Result<uint64_t> Size();
  /// Reads from the file; the number of bytes read, 0 at its end.
  Result<size_t> ReadAt(std::span<char> buffer, uint64_t offset);

  const std::string& path() const { return path_; }

 private:
  // All with mutex_ held.
  void WritePending();
  Status AppendToFile(std::string_view bytes);
  Status CutTo(int fd, uint64_t size);
  Result<uint64_t> SizeOf(int fd) const;
  // The descriptor, or nullptr if the file is not there and is not to be made.
  Result<std::shared_ptr<const UniqueFd>> Descriptor(bool create);

  const std::string path_;
  mutable std::mutex mutex_;
  std::shared_ptr<const UniqueFd> fd_;  // guarded by mutex_; shared with reads that are under way
  // All guarded by mutex_:
  std::string pending_;
  std::optional<uint64_t> whole_;  // how long the file is without half a write; unknown before the first one
  bool failing_ = false;           // the last write has failed
  Status untold_;                  // the failure that Flush has still to tell
  uint64_t lost_ = 0;
};

}  // namespace slipway::logs
