// Reading of archives and layer blobs: a byte stream in, entries out.
//
// One pass over the stream decompresses (gzip, zstd, bzip2, xz), reads tar headers and hands each entry on with its
// bytes. What the stream says is not trusted: names are cleaned, sizes and counts are bounded, nothing outside the
// given folder is touched. decisions/0002 tells why tar is read by ourselves.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "executor/base/context.h"
#include "executor/base/digest.h"
#include "executor/base/status.h"
#include "executor/content/store.h"
#include "executor/layer/assembler.h"
#include "executor/oci/manifest.h"
#include "executor/tree/entry.h"

namespace slipway::layer {

struct ArchiveLimits {
  uint64_t max_entries = 2'000'000;
  uint64_t max_total_bytes = 100ULL << 30;  ///< of files' contents
  uint64_t max_file_bytes = 100ULL << 30;
  uint64_t max_table_bytes = 1ULL << 30;  ///< of the table of entries in memory, roughly
};

/// A source of bytes: fills `buffer` and returns how much; 0 is the end.
using ByteSource = std::function<Result<size_t>(std::span<char> buffer)>;

/// A ByteSource over a blob.
ByteSource ReadBlob(content::Blob blob);

/// Whether these first bytes (512 are enough) are those of a tar archive, plain or in a compression that ReadArchive
/// knows; as docker decides whether ADD extracts.
bool LooksLikeArchive(std::string_view first_bytes);

/// Reads a tar (any compression, told by its first bytes) as a tree of plain entries: names cleaned and clamped at the
/// root, later entries win, missing parents are not invented, ".wh." names have no special meaning. Files' contents go
/// to `store` in one batch, leased, their digests into the entries. Hard links refer to earlier entries. Sockets are
/// left out.
Result<tree::Tree> ReadArchive(const Context& ctx, const ByteSource& source, const ArchiveLimits& limits,
                               content::Store& store, content::Lease* lease);

/// Decompresses a layer blob (none, gzip or zstd, told by its first bytes; INVALID_ARGUMENT for what else ReadArchive
/// knows) and makes its index: entries without content digests, ".wh." names turned into kWhiteout entries and opaque
/// directories. `diff_id`, if not empty, is verified (DATA_LOSS). The caller goes by the blob's
/// digest: the check sums of gzip are not looked at.
Result<tree::Tree> IndexLayer(const Context& ctx, const ByteSource& source, oci::Compression compression,
                              const Digest& diff_id, const ArchiveLimits& limits);

/// The same with the digests of files' contents, of which nothing is kept: for comparing layers.
Result<tree::Tree> DigestLayer(const Context& ctx, const ByteSource& source, oci::Compression compression,
                               const Digest& diff_id, const ArchiveLimits& limits);

/// Unpacks a layer blob into `dir` (an empty folder that becomes an overlay lower): whiteouts become character devices
/// 0:0 and opaque directories the trusted.overlay.opaque attribute; owners, modes, times, xattrs and devices are set.
/// Gives the index as well, as IndexLayer does.
///
/// A layer that names a path without naming the directories above it, or a hard link to a file of a lower layer, cannot
/// be unpacked without knowing what is below: `lower`, if set, is asked for the entry of such a path in the layers
/// below (symlinks are not followed; NOT_FOUND if none) and `lower_file` for a file's content there. If `lower` is not
/// set, missing parents are made as 0755 root:root.
struct LowerAccess {
  std::function<Result<tree::Entry>(const std::string& path)> lower;
  std::function<Result<UniqueFd>(const std::string& path)> lower_file;
};
struct AppliedLayer {
  tree::Tree index;
  bool self_contained = true;  ///< `lower` was never asked for
};
Result<AppliedLayer> ApplyLayer(const Context& ctx, const ByteSource& source, oci::Compression compression,
                                const Digest& diff_id, const std::string& dir, const ArchiveLimits& limits,
                                const LowerAccess& lower);

/// Writes entries with their contents into `dir`, as ApplyLayer does for a blob: a recipe that a container must see.
/// All parents are among the entries.
Status MaterializeTree(const Context& ctx, const EntrySource& source, const std::string& dir);

/// Brings what the two above wrote to the disk, with all else on the file system of `dir`: an fsync for each of
/// thousands of files would take seconds, and without either a crash of the machine may leave empty files.
Status SyncFolders(const std::string& dir);
/// The same by a descriptor on that file system: failures since it was opened are told, too.
Status SyncFolders(int fd, const std::string& dir);

/// What a container changed: the upper folder of an overlay as a layer's entries. Whiteouts and opaque directories are
/// translated, overlay's own attributes left out, further names of a file become kHardlink entries. Sockets are left
/// out. Files have no digest; their bytes are read from the folder.
Result<tree::Tree> WalkUpper(const Context& ctx, const std::string& dir);

}  // namespace slipway::layer
