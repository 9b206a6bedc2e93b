// Layout: the tree on disk of a content store. Every path of this folder comes from here.
//
//   <root>/blobs/<hex>       one content each, named by its digest
//   <root>/packs/<n>.pack    many small ones; format in pack.h
//   <root>/unsynced/<hex>.<n> a blob before it has reached the disk; verified when the store is opened
//   <root>/unsynced/<n>.pack the same of a pack
//   <root>/ingest/<n>        being written; emptied when the store is opened
//   <root>/uses.db           when each file above was last used
#pragma once

#include <string>
#include <string_view>

#include "executor/base/digest.h"
#include "executor/base/fs.h"

namespace slipway::content {

struct Layout {
  std::string root;

  std::string Blobs() const { return fs::Join(root, "blobs"); }
  std::string AllUnsynced() const { return fs::Join(root, "unsynced"); }
  std::string Packs() const { return fs::Join(root, "packs"); }
  std::string Ingests() const { return fs::Join(root, "ingest"); }
  std::string Uses() const { return fs::Join(root, "uses.db"); }

  std::string Blob(const Digest& digest) const { return fmt::format("{}/blobs/{}", root, digest.hex()); }
  /// The number tells one write of a content from a later one.
  std::string Unsynced(const Digest& digest, uint64_t number) const {
    return fmt::format("{}/unsynced/{}.{}", root, digest.hex(), number);
  }
  std::string Pack(uint64_t number) const { return fmt::format("{}/packs/{}", root, PackName(number)); }
  std::string UnsyncedPack(uint64_t number) const { return fmt::format("{}/unsynced/{}", root, PackName(number)); }
  std::string Ingest(uint64_t number) const { return fmt::format("{}/ingest/{}", root, number); }

  /// Numbers have a fixed width, so that names sort as their packs were written. They begin at the time in
  /// microseconds, so that none is used twice even if all packs are gone.
  static std::string PackName(uint64_t number) { return fmt::format("{:016}.pack", number); }
};

}  // namespace slipway::content
