// Reads the files of a context: their digests and attributes. Their bytes are read for sending by content_ahead.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/context_entry.h"
#include "executor/base/context.h"
#include "executor/base/status.h"
#include "executor/base/thread_pool.h"
#include "executor/base/unique_fd.h"

namespace slipway::cli {

/// Opens files below a folder without following links. Keeps the folder of the last file open, since files are read in
/// the order of their paths. Not thread-safe.
class FileOpener {
 public:
  explicit FileOpener(int root_fd) : root_fd_(root_fd) {}
  /// For reading. Never blocks, whatever has come to stand at `path` meanwhile. NOT_FOUND if it is gone.
  Result<UniqueFd> Open(const std::string& path);

 private:
  const int root_fd_;
  bool open_ = false;
  std::string folder_;
  UniqueFd folder_fd_;
};

/// What ReadContents has done so far; may be read while it works.
struct ReadProgress {
  std::atomic<uint64_t> files = 0;
  std::atomic<uint64_t> bytes = 0;
};

/// Reads every file without a digest, once, and gives it digest and attributes. Bytes of files up to 128 KiB are kept
/// in the entry, 64 MiB in all. A file that is gone by now is taken out of `entries`; one that keeps changing while it
/// is read is ABORTED.
Status ReadContents(const Context& ctx, ThreadPool& pool, int root_fd, std::vector<ContextEntry>* entries,
                    ReadProgress* progress);

/// Whether the file is the one that was read, as far as its stamp tells. ABORTED if it is no file any more.
Result<bool> IsUnchanged(int fd, const ContextEntry& entry);
/// Opens a file that was read before. ABORTED if it is not the one of `entry` any more.
Result<UniqueFd> OpenUnchanged(FileOpener& opener, const ContextEntry& entry);

/// ABORTED: that a file is not what it was, and what to do.
Status FileChanged(const std::string& path);
/// What FileOpener::Open failed with, with what can be done about it.
Status ExplainUnopened(Status status);

}  // namespace slipway::cli
