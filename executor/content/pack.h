// A pack: the bytes of many small contents in one file, and a table of what is where.
//
//   magic "slipway pack 1\n" and a NUL            16 bytes
//   the contents, one after the other
//   the table, for each: digest, offset, size     32 + 8 + 8 bytes, little endian
//   trailer: offset of the table, digest of the table and this offset    8 + 32 bytes
//
// A pack is written once and never changed, so one that has its final name is whole.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/digest.h"
#include "executor/base/status.h"
#include "executor/content/staged_file.h"

namespace slipway::content {

struct PackItem {
  Digest digest;
  uint64_t offset = 0;  ///< from the start of the file
  uint64_t size = 0;
};

/// Bytes of a pack that are not content.
inline constexpr uint64_t kPackFrame = 16 + 8 + 32;
inline constexpr uint64_t kPackItemFrame = 32 + 8 + 8;
/// Content goes into the next pack once it would make one longer than this.
inline constexpr uint64_t kPackFull = 64U << 20;

/// Writes one pack. Not thread-safe.
class PackWriter {
 public:
  /// Begins a pack in a new file at `path`.
  static Result<PackWriter> Create(std::string path);

  /// `digest` must be that of `bytes`.
  Status Add(const Digest& digest, std::string_view bytes);
  /// Bytes so far, without the table.
  uint64_t size() const { return file_.size(); }
  const std::vector<PackItem>& items() const { return items_; }

  /// Adds the table. Nothing comes after it; when the file was synced, it can be moved to its place.
  Status End();
  StagedFile& file() { return file_; }

 private:
  explicit PackWriter(StagedFile file) : file_(std::move(file)) {}
  StagedFile file_;
  std::vector<PackItem> items_;
};

/// The table of the pack open as `fd`, in the order of the file. DATA_LOSS if it is not whole.
Result<std::vector<PackItem>> ReadPackTable(int fd);

}  // namespace slipway::content
