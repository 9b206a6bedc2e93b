// StagedFile: a file under a temporary name that becomes visible by MoveTo, or is removed when destroyed. Writes are
// buffered, and their way to the disk begins early so that the final sync has little left to do. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "executor/base/status.h"
#include "executor/base/unique_fd.h"

namespace slipway::content {

class StagedFile {
 public:
  StagedFile() = default;
  StagedFile(StagedFile&& other) noexcept;
  StagedFile& operator=(StagedFile&& other) noexcept;
  ~StagedFile();

  /// Makes an empty file at `path`, which must not exist.
  static Result<StagedFile> Create(std::string path);
  /// Takes over the file at `path`, opened as `fd`. An empty path names nothing that would be removed.
  static StagedFile Adopt(std::string path, UniqueFd fd);
  /// Nothing is sent to the disk before Sync.
  void WriteLate() { late_ = true; }

  bool valid() const { return fd_.valid(); }
  int fd() const { return fd_.get(); }
  /// Bytes written so far.
  uint64_t size() const { return size_; }

  Status Write(std::string_view bytes);
  /// Makes this file, which is empty, another name for the bytes that the file open as `fd` has now (FICLONE). False
  /// where the file system cannot, or if they are not `size` bytes; this one is empty then.
  Result<bool> Share(int fd, uint64_t size);
  /// Hands all bytes to the kernel.
  Status Flush();
  /// The same, and gives the buffer's memory back: nothing more is to be written.
  Status EndWriting();
  /// Brings all bytes to the disk. Required before MoveTo where a crash must not leave half a file.
  Status Sync();
  /// Renames to `path`, replacing what is there. The caller syncs the folder.
  Status MoveTo(const std::string& path);
  /// Closes a file that was synced; it can be moved still.
  void Close() { fd_.Reset(); }
  /// Gives the descriptor away, of a file that was moved.
  UniqueFd Release() { return std::move(fd_); }

 private:
  Status WriteThrough(std::string_view bytes);

  std::string path_;
  UniqueFd fd_;
  std::string buffer_;
  uint64_t size_ = 0;  // with what is in the buffer
  bool late_ = false;
  uint64_t started_ = 0;  // up to here the kernel was asked to begin writing to the disk
};

}  // namespace slipway::content
