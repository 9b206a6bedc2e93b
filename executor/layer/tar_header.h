// One tar header block, and the records of a pax header, taken apart. Names are bytes; numbers are checked.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "executor/base/status.h"
#include "executor/layer/tar_format.h"
#include "executor/layer/tar_sparse.h"
#include "executor/tree/entry.h"

namespace slipway::layer {

/// What a header block says. Views point into `block`.
class TarHeader {
 public:
  /// INVALID_ARGUMENT if the checksum does not match or a number is none. `block` has 512 bytes and is copied.
  static Result<TarHeader> Parse(std::string_view block);

  char type() const { return block_[tar::kTypeflag.offset]; }
  /// Prefix and name joined, by the rules of the dialect that the magic tells.
  std::string Name() const;
  std::string_view link() const { return Text(tar::kLinkname); }
  uint64_t size() const { return size_; }
  std::string_view bytes(tar::Field field) const { return {block_.data() + field.offset, field.size}; }

  /// Mode, owner, time and device numbers into `entry`.
  Status FillEntry(tree::Entry& entry) const;

 private:
  std::string_view Text(tar::Field field) const;

  std::array<char, tar::kBlock> block_{};
  uint64_t size_ = 0;
};

/// What a pax header overrides. Records with an empty value are as if they were not there, as Go has it.
class PaxHeader {
 public:
  /// `records` is the content of an 'x' entry.
  static Result<PaxHeader> Parse(std::string_view records);

  std::string path;
  std::string link;
  std::optional<uint64_t> size;

  bool sparse = false;                 ///< any of GNU's sparse formats
  bool sparse_map_in_content = false;  ///< format 1.0
  std::optional<uint64_t> sparse_size;
  std::string sparse_name;
  std::string sparse_map;  ///< formats 0.0 and 0.1, as "offset,length,…"

  /// Owner, time and attributes into `entry`.
  void FillEntry(tree::Entry& entry) const;

 private:
  Status Set(std::string_view key, std::string_view value);
  Status SetSparse(std::string_view key, std::string_view value);

  std::optional<uint32_t> uid_;
  std::optional<uint32_t> gid_;
  std::optional<tree::Time> mtime_;
  std::map<std::string, std::string> xattrs_;
};

}  // namespace slipway::layer
