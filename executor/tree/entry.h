// Entry and Tree: a file system tree as a table, without the bytes of its files.
//
// One shape serves every tree we handle: an uploaded context, a commit, an archive, the index of an image layer and the
// recipe of a copied one. File content is named by digest and lives in the content store.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "executor/base/digest.h"
#include "executor/base/status.h"

namespace slipway::tree {

enum class Type : uint8_t {
  kFile = 0,
  kDirectory = 1,
  kSymlink = 2,
  kHardlink = 3,  ///< `link` is the path of the file entry it is another name of
  kCharDevice = 4,
  kBlockDevice = 5,
  kFifo = 6,
  kSocket = 7,  ///< seen in contexts only; never in a layer
  kWhiteout =
      8,  ///< in a layer: hides what lower layers have at `path` (stored under the hidden name itself, no ".wh.")
};

/// Seconds and nanoseconds since 1970; what a tar header and stat can hold.
struct Time {
  int64_t seconds = 0;
  uint32_t nanos = 0;
  auto operator<=>(const Time&) const = default;
};

struct Entry {
  std::string path;  ///< relative to the root, cleaned, no leading or trailing slash; "" is the root; any bytes but NUL
  Type type = Type::kFile;
  bool opaque = false;  ///< directory in a layer: lower layers' children are hidden
  uint32_t mode = 0;    ///< permission bits with setuid, setgid, sticky (07777)
  uint32_t uid = 0;
  uint32_t gid = 0;
  Time mtime;
  uint64_t size = 0;  ///< of a file; 0 otherwise
  Digest digest;      ///< of a file's content; empty where it was not computed (layer indexes)
  std::string link;   ///< target of a symlink, as it is; path of the first name for a hard link
  uint32_t dev_major = 0;
  uint32_t dev_minor = 0;
  std::vector<std::pair<std::string, std::string>> xattrs;  ///< sorted by name

  bool is_dir() const { return type == Type::kDirectory; }
  bool is_file() const { return type == Type::kFile; }
  bool operator==(const Entry&) const = default;
};

/// Orders paths so that a directory comes right before what is below it ("a", "a/b", "a.b"): '/' sorts first.
bool PathLess(std::string_view a, std::string_view b);

/// Entries sorted by PathLess, each path once. The root entry may be absent.
class Tree {
 public:
  Tree() = default;
  /// Sorts; of entries with the same path the last given wins.
  explicit Tree(std::vector<Entry> entries);

  const std::vector<Entry>& entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }
  size_t size() const { return entries_.size(); }
  /// nullptr if there is none.
  const Entry* Find(std::string_view path) const;
  /// The half-open range [first, last) of indexes of `path` itself and all below it.
  std::pair<size_t, size_t> Range(std::string_view path) const;
  /// Sum of the sizes of files.
  uint64_t content_bytes() const;

 private:
  std::vector<Entry> entries_;
};

/// A compact, versioned encoding; equal trees give equal bytes.
std::string Encode(const Tree& tree);
/// DATA_LOSS for what Encode would not write, RESOURCE_EXHAUSTED for an absurd amount of paths. Safe for bytes of
/// strangers: the paths of the tree are clean, sorted and unique.
Result<Tree> Decode(std::string_view bytes);

/// How a digest over entries treats what changes without meaning.
struct DigestOptions {
  bool with_mtime = false;
};
/// The digest over all that an entry says (path given apart, so that a selection can be digested under its new names).
/// Two entries with equal digests make the same file. `hasher` gets the fields appended.
void AddToDigest(const Entry& entry, std::string_view as_path, const DigestOptions& options, Hasher& hasher);
/// The digest over a whole tree.
Digest DigestOf(const Tree& tree, const DigestOptions& options = {});

/// A path from an archive or a manifest made safe to store: cleaned, "/" and "./" in front dropped, ".." clamped at the
/// root. INVALID_ARGUMENT for NUL bytes or more than 4096 bytes.
Result<std::string> CleanPath(std::string_view path);

}  // namespace slipway::tree
