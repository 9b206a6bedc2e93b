#include "daemon/sources/manifest_check.h"

#include <algorithm>
#include <numeric>

namespace slipway::sources {

namespace {

constexpr size_t kMaxPath = 4096;
constexpr size_t kMaxName = 255;
constexpr size_t kMaxXattrs = 64;
constexpr size_t kMaxXattrBytes = 64 << 10;

// For messages: a path may be long and hold anything.
std::string Shown(std::string_view path) {
  std::string out;
  for (const char c : path.substr(0, 200)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte >= 0x7f ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return path.size() > 200 ? out + "…" : out;
}

Status CheckPath(std::string_view path) {
  if (path.empty()) return InvalidArgument("is empty");
  if (path.size() > kMaxPath) return InvalidArgument("has {} bytes; the limit is {}", path.size(), kMaxPath);
  if (path.find('\0') != std::string_view::npos) return InvalidArgument("holds a NUL byte");
  if (path.front() == '/') return InvalidArgument("'{}' is absolute", Shown(path));
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view name = path.substr(begin, end - begin);
    if (name.empty()) return InvalidArgument("'{}' holds an empty name", Shown(path));
    if (name == "." || name == "..") return InvalidArgument("'{}' holds '{}'", Shown(path), name);
    if (name.size() > kMaxName) return InvalidArgument("'{}' holds a name of {} bytes", Shown(path), name.size());
    begin = end + 1;
  }
  return Status();
}

Status CheckLink(const tree::Entry& entry) {
  const bool links = entry.type == tree::Type::kSymlink || entry.type == tree::Type::kHardlink;
  if (!links) return entry.link.empty() ? Status() : InvalidArgument("is given for something that is no link");
  if (entry.link.empty() || entry.link.size() > kMaxPath) {
    return InvalidArgument("has {} bytes; 1 to {} are allowed", entry.link.size(), kMaxPath);
  }
  if (entry.link.find('\0') != std::string::npos) return InvalidArgument("holds a NUL byte");
  return Status();
}

Status CheckXattrs(const tree::Entry& entry) {
  size_t bytes = 0;
  for (size_t i = 0; i < entry.xattrs.size(); ++i) {
    const auto& [name, value] = entry.xattrs[i];
    bytes += name.size() + value.size();
    const bool known = name == "security.capability" || (name.starts_with("user.") && name.size() > 5);
    if (!known || name.size() > kMaxName || name.find('\0') != std::string::npos) {
      return InvalidArgument("the attribute '{}' is not taken; only security.capability and user.* are", Shown(name));
    }
    if (i > 0 && entry.xattrs[i - 1].first >= name) return InvalidArgument("are not sorted by name, each once");
  }
  if (entry.xattrs.size() > kMaxXattrs || bytes > kMaxXattrBytes) {
    return InvalidArgument("are {} with {} bytes; {} with {} bytes are allowed", entry.xattrs.size(), bytes, kMaxXattrs,
                           kMaxXattrBytes);
  }
  return Status();
}

Status CheckContent(const tree::Entry& entry, const source::Limits& limits, std::string* member) {
  if (!entry.is_file()) {
    if (!entry.digest.empty()) return *member = "sha256", InvalidArgument("is given for something that is no file");
    if (entry.size != 0) return *member = "size", InvalidArgument("is given for something that is no file");
    return Status();
  }
  if (entry.size > limits.max_file_bytes) {
    *member = "size";
    return ResourceExhausted("'{}' has {} bytes; the limit of a file is {} (limits.file_bytes)", Shown(entry.path),
                             entry.size, limits.max_file_bytes);
  }
  if (entry.digest.empty()) return *member = "sha256", InvalidArgument("is missing");
  if (entry.size == 0 && entry.digest != Digest::Of("")) {
    return *member = "sha256", InvalidArgument("is not that of an empty file");
  }
  return Status();
}

}  // namespace

Status CheckEntry(const tree::Entry& entry, const source::Limits& limits, std::string* member) {
  *member = "path";
  SLIPWAY_RETURN_IF_ERROR(CheckPath(entry.path));
  *member = "mode";
  if (entry.mode > 07777) return InvalidArgument("{:o} has other bits than permissions (07777)", entry.mode);
  *member = "mtime";
  if (entry.mtime.nanos > 999'999'999) return InvalidArgument("has {} nanoseconds", entry.mtime.nanos);
  *member = "link_target";
  SLIPWAY_RETURN_IF_ERROR(CheckLink(entry));
  *member = "xattrs";
  SLIPWAY_RETURN_IF_ERROR(CheckXattrs(entry));
  return CheckContent(entry, limits, member);
}

ManifestError CheckTogether(const std::deque<tree::Entry>& entries, std::vector<uint32_t>* order) {
  order->resize(entries.size());
  std::iota(order->begin(), order->end(), 0U);
  const auto less = [&entries](uint32_t a, uint32_t b) { return tree::PathLess(entries[a].path, entries[b].path); };
  if (!std::is_sorted(order->begin(), order->end(), less)) std::stable_sort(order->begin(), order->end(), less);
  const auto bad = [](uint32_t entry, std::string member, Status status) {
    return ManifestError{.status = std::move(status), .entry = entry, .member = std::move(member)};
  };
  // What lies below an entry comes right after it.
  for (size_t i = 1; i < order->size(); ++i) {
    const tree::Entry& before = entries[(*order)[i - 1]];
    const tree::Entry& entry = entries[(*order)[i]];
    if (entry.path == before.path) {
      return bad((*order)[i], "path", InvalidArgument("'{}' is listed twice", Shown(entry.path)));
    }
    if (!before.is_dir() && entry.path.size() > before.path.size() && entry.path.starts_with(before.path) &&
        entry.path[before.path.size()] == '/') {
      return bad((*order)[i], "path",
                 InvalidArgument("'{}' lies below '{}', which is no folder", Shown(entry.path), Shown(before.path)));
    }
  }
  const auto find = [&entries, order](std::string_view path) -> const uint32_t* {
    const auto it = std::lower_bound(
        order->begin(), order->end(), path,
        [&entries](uint32_t index, std::string_view p) { return tree::PathLess(entries[index].path, p); });
    return it != order->end() && entries[*it].path == path ? &*it : nullptr;
  };
  for (uint32_t i = 0; i < entries.size(); ++i) {
    if (entries[i].type != tree::Type::kHardlink) continue;
    const uint32_t* target = find(entries[i].link);
    if (target == nullptr || *target > i || !entries[*target].is_file()) {
      return bad(i, "link_target", InvalidArgument("'{}' is no file that is listed before", Shown(entries[i].link)));
    }
  }
  return {};
}

}  // namespace slipway::sources
