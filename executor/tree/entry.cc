#include "executor/tree/entry.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "executor/base/fs.h"

namespace slipway::tree {

namespace {
constexpr size_t kLongestPath = 4096;
// Paths share their beginnings in the encoding, so few bytes could stand for very many.
constexpr size_t kMostPathBytes = 256U << 20;

// '/' sorts before every other byte, so that a subtree is one contiguous range.
int Rank(char c) { return c == '/' ? 0 : static_cast<int>(static_cast<unsigned char>(c)) + 1; }

// How many bytes are equal at the beginning, in whole words: paths of a tree share long beginnings.
size_t EqualWords(const char* a, const char* b, size_t size) {
  size_t at = 0;
  for (; at + sizeof(uint64_t) <= size; at += sizeof(uint64_t)) {
    uint64_t left = 0;
    uint64_t right = 0;
    std::memcpy(&left, a + at, sizeof left);
    std::memcpy(&right, b + at, sizeof right);
    if (left != right) break;
  }
  return at;
}

bool Below(std::string_view path, std::string_view dir) {
  return dir.empty() || (path.size() > dir.size() && path.starts_with(dir) && path[dir.size()] == '/');
}

// Whether CleanPath would give the path back as it is.
bool IsCleanPath(std::string_view path) {
  if (path.size() > kLongestPath || path.find('\0') != std::string_view::npos) return false;
  if (path.empty()) return true;
  while (true) {
    const size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}
}  // namespace

bool PathLess(std::string_view a, std::string_view b) {
  const size_t both = std::min(a.size(), b.size());
  size_t at = EqualWords(a.data(), b.data(), both);
  while (at < both && a[at] == b[at]) ++at;
  if (at == b.size()) return false;
  if (at == a.size()) return true;
  return Rank(a[at]) < Rank(b[at]);
}

Tree::Tree(std::vector<Entry> entries) : entries_(std::move(entries)) {
  const auto less = [](const Entry& a, const Entry& b) { return PathLess(a.path, b.path); };
  if (!std::is_sorted(entries_.begin(), entries_.end(), less)) std::stable_sort(entries_.begin(), entries_.end(), less);
  // Of equal paths the last one is kept: walking backwards, std::unique keeps the first it meets.
  const auto same = [](const Entry& a, const Entry& b) { return a.path == b.path; };
  if (std::adjacent_find(entries_.begin(), entries_.end(), same) != entries_.end()) {
    const auto kept = std::unique(entries_.rbegin(), entries_.rend(), same);
    entries_.erase(entries_.begin(), kept.base());
  }
}

const Entry* Tree::Find(std::string_view path) const {
  const auto it = std::lower_bound(entries_.begin(), entries_.end(), path,
                                   [](const Entry& entry, std::string_view p) { return PathLess(entry.path, p); });
  return it != entries_.end() && it->path == path ? &*it : nullptr;
}

std::pair<size_t, size_t> Tree::Range(std::string_view path) const {
  if (path.empty()) return {0, entries_.size()};
  const auto first = std::lower_bound(entries_.begin(), entries_.end(), path,
                                      [](const Entry& entry, std::string_view p) { return PathLess(entry.path, p); });
  const auto last = std::partition_point(first, entries_.end(),
                                         [path](const Entry& e) { return e.path == path || Below(e.path, path); });
  return {static_cast<size_t>(first - entries_.begin()), static_cast<size_t>(last - entries_.begin())};
}

uint64_t Tree::content_bytes() const {
  uint64_t sum = 0;
  for (const Entry& entry : entries_) {
    if (entry.is_file()) sum += entry.size;
  }
  return sum;
}

namespace {
constexpr std::string_view kMagic = "slipway tree 1\n";

class Writer {
 public:
  void Number(uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_.push_back(static_cast<char>(value | 0x80));
    out_.push_back(static_cast<char>(value));
  }
  void Signed(int64_t value) { Number((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63)); }
  void Text(std::string_view text) {
    Number(text.size());
    out_.append(text);
  }
  void Raw(std::string_view text) { out_.append(text); }
  void Reserve(size_t size) { out_.reserve(size); }
  std::string Take() { return std::move(out_); }

 private:
  std::string out_;
};

// Reads what Writer writes and nothing else: a value has one encoding, so that equal trees have equal bytes.
class Reader {
 public:
  explicit Reader(std::string_view in) : in_(in) {}
  uint64_t Number() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (in_.empty()) return Fail();
      const auto byte = static_cast<unsigned char>(in_.front());
      in_.remove_prefix(1);
      const auto bits = static_cast<uint64_t>(byte & 0x7f);
      value |= bits << shift;
      if ((byte & 0x80) != 0) continue;
      const bool longer_than_needed = bits == 0 && shift > 0;
      const bool cut = (bits << shift) >> shift != bits;
      return longer_than_needed || cut ? Fail() : value;
    }
    return Fail();
  }
  int64_t Signed() {
    const uint64_t value = Number();
    return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
  }
  uint32_t Number32() {
    const uint64_t value = Number();
    return value <= UINT32_MAX ? static_cast<uint32_t>(value) : static_cast<uint32_t>(Fail());
  }
  std::string Text() { return std::string(Raw(Number())); }
  std::string_view Raw(uint64_t size) {
    if (size > in_.size()) {
      Fail();
      return {};
    }
    const std::string_view out = in_.substr(0, size);
    in_.remove_prefix(size);
    return out;
  }
  /// Ends the reading unless `holds`.
  void Require(bool holds) {
    if (!holds) Fail();
  }
  bool good() const { return good_; }
  size_t left() const { return in_.size(); }

 private:
  uint64_t Fail() {
    good_ = false;
    in_ = {};
    return 0;
  }
  std::string_view in_;
  bool good_ = true;
};

enum Flags : uint64_t { kHasDigest = 1, kOpaque = 2, kHasLink = 4, kHasDevice = 8, kHasXattrs = 16, kAllFlags = 31 };

void WriteEntry(const Entry& e, std::string_view before, Writer& out) {
  const auto [i, j] = std::mismatch(before.begin(), before.end(), e.path.begin(), e.path.end());
  const auto shared = static_cast<size_t>(j - e.path.begin());
  uint64_t flags = 0;
  if (!e.digest.empty()) flags |= kHasDigest;
  if (e.opaque) flags |= kOpaque;
  if (!e.link.empty()) flags |= kHasLink;
  if (e.dev_major != 0 || e.dev_minor != 0) flags |= kHasDevice;
  if (!e.xattrs.empty()) flags |= kHasXattrs;
  out.Number(static_cast<uint64_t>(e.type) | flags << 4);
  out.Number(shared);
  out.Text(std::string_view(e.path).substr(shared));
  out.Number(e.mode);
  out.Number(e.uid);
  out.Number(e.gid);
  out.Signed(e.mtime.seconds);
  out.Number(e.mtime.nanos);
  out.Number(e.size);
  if ((flags & kHasDigest) != 0) {
    out.Raw(std::string_view(reinterpret_cast<const char*>(e.digest.bytes().data()), Digest::kSize));
  }
  if ((flags & kHasLink) != 0) out.Text(e.link);
  if ((flags & kHasDevice) != 0) {
    out.Number(e.dev_major);
    out.Number(e.dev_minor);
  }
  if ((flags & kHasXattrs) != 0) {
    out.Number(e.xattrs.size());
    for (const auto& [name, value] : e.xattrs) {
      out.Text(name);
      out.Text(value);
    }
  }
}

std::string ReadPath(std::string_view before, bool first, Reader& in) {
  const uint64_t shared = in.Number();
  const std::string_view rest = in.Raw(in.Number());
  if (!in.good() || shared > before.size() || shared + rest.size() > kLongestPath) {
    in.Require(false);
    return "";
  }
  std::string path(before.substr(0, shared));
  path += rest;
  const bool shares_more = shared < before.size() && !rest.empty() && rest.front() == before[shared];
  in.Require(IsCleanPath(path) && !shares_more && (first || PathLess(before, path)));
  return path;
}

void ReadXattrs(Entry& e, Reader& in) {
  const uint64_t count = in.Number();
  in.Require(count > 0);
  for (uint64_t i = 0; i < count && in.good(); ++i) {
    std::string name = in.Text();
    in.Require(i == 0 || e.xattrs.back().first < name);
    e.xattrs.emplace_back(std::move(name), in.Text());
  }
}

Entry ReadEntry(std::string_view before, bool first, Reader& in) {
  Entry e;
  const uint64_t head = in.Number();
  const uint64_t flags = head >> 4;
  in.Require((head & 15) <= static_cast<uint64_t>(Type::kWhiteout) && flags <= kAllFlags);
  if (!in.good()) return e;
  e.type = static_cast<Type>(head & 15);
  e.opaque = (flags & kOpaque) != 0;
  e.path = ReadPath(before, first, in);
  e.mode = in.Number32();
  e.uid = in.Number32();
  e.gid = in.Number32();
  e.mtime.seconds = in.Signed();
  e.mtime.nanos = in.Number32();
  e.size = in.Number();
  if ((flags & kHasDigest) != 0) {
    const std::string_view raw = in.Raw(Digest::kSize);
    std::array<uint8_t, Digest::kSize> bytes{};
    std::copy(raw.begin(), raw.end(), bytes.begin());
    e.digest = Digest(bytes);
  }
  if ((flags & kHasLink) != 0) {
    e.link = in.Text();
    in.Require(!e.link.empty());
  }
  if ((flags & kHasDevice) != 0) {
    e.dev_major = in.Number32();
    e.dev_minor = in.Number32();
    in.Require(e.dev_major != 0 || e.dev_minor != 0);
  }
  if ((flags & kHasXattrs) != 0) ReadXattrs(e, in);
  return e;
}
}  // namespace

std::string Encode(const Tree& tree) {
  constexpr size_t kUsualEntry = 72;
  Writer out;
  out.Reserve(tree.size() * kUsualEntry);
  out.Raw(kMagic);
  out.Number(tree.size());
  std::string_view before;
  for (const Entry& entry : tree.entries()) {
    WriteEntry(entry, before, out);
    before = entry.path;
  }
  return out.Take();
}

Result<Tree> Decode(std::string_view bytes) {
  if (!bytes.starts_with(kMagic)) return DataLoss("a stored tree has an unknown format");
  Reader in(bytes.substr(kMagic.size()));
  const uint64_t count = in.Number();
  std::vector<Entry> entries;
  entries.reserve(std::min<uint64_t>(count, in.left() / 8));
  size_t path_bytes = 0;
  for (uint64_t i = 0; i < count && in.good(); ++i) {
    const std::string_view before = i == 0 ? std::string_view() : std::string_view(entries.back().path);
    entries.push_back(ReadEntry(before, i == 0, in));
    path_bytes += entries.back().path.size();
    if (path_bytes > kMostPathBytes) return ResourceExhausted("a tree has more than {} bytes of paths", kMostPathBytes);
  }
  if (!in.good() || in.left() != 0) return DataLoss("a stored tree is damaged");
  return Tree(std::move(entries));
}

void AddToDigest(const Entry& entry, std::string_view as_path, const DigestOptions& options, Hasher& hasher) {
  hasher.Field(as_path).Field(static_cast<uint64_t>(entry.type) | (entry.opaque ? 256U : 0U));
  hasher.Field(entry.mode)
      .Field(entry.uid)
      .Field(entry.gid)
      .Field(entry.size)
      .Field(entry.digest.hex())
      .Field(entry.link);
  hasher.Field(entry.dev_major).Field(entry.dev_minor).Field(static_cast<uint64_t>(entry.xattrs.size()));
  for (const auto& [name, value] : entry.xattrs) hasher.Field(name).Field(value);
  if (options.with_mtime) hasher.Field(static_cast<uint64_t>(entry.mtime.seconds)).Field(entry.mtime.nanos);
}

Digest DigestOf(const Tree& tree, const DigestOptions& options) {
  Hasher hasher;
  hasher.Field("tree").Field(tree.size());
  for (const Entry& entry : tree.entries()) AddToDigest(entry, entry.path, options, hasher);
  return hasher.Finish();
}

Result<std::string> CleanPath(std::string_view path) {
  if (path.size() > kLongestPath)
    return InvalidArgument("a path of {} bytes is longer than {}", path.size(), kLongestPath);
  if (path.find('\0') != std::string_view::npos) return InvalidArgument("a path holds a NUL byte");
  if (IsCleanPath(path)) return std::string(path);
  return fs::Clean(fmt::format("/{}", path)).substr(1);
}

}  // namespace slipway::tree
