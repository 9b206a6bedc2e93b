#include "executor/layer/tar_writer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>

#include "executor/layer/overlay_format.h"
#include "executor/layer/tar_format.h"

namespace slipway::layer {

namespace {

constexpr std::array<char, 2 * tar::kBlock> kZeros{};
constexpr std::string_view kXattrKey = "SCHILY.xattr.";
constexpr std::string_view kCapability = "security.capability";

using PaxRecords = std::map<std::string, std::string>;

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// What one header says, in tar's terms.
struct Header {
  std::string_view name;
  char type = '0';
  std::string_view link;
  uint32_t mode = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t size = 0;
  int64_t mtime = 0;
  uint32_t dev_major = 0;
  uint32_t dev_minor = 0;
};

class Block {
 public:
  void Text(tar::Field field, std::string_view text) {
    std::copy_n(text.begin(), std::min(text.size(), field.size), bytes_.begin() + static_cast<ptrdiff_t>(field.offset));
  }
  /// False if the number does not fit; the field is 0 then.
  bool Octal(tar::Field field, uint64_t value) {
    const size_t digits = field.size - 1;
    const bool fits = value < (uint64_t{1} << (3 * digits));
    if (!fits) value = 0;
    for (size_t i = digits; i-- > 0; value >>= 3) bytes_[field.offset + i] = static_cast<char>('0' + (value & 7));
    return fits;
  }
  /// The unsigned sum of all bytes with the sum's own field as blanks; written last.
  void Checksum() {
    Text(tar::kChecksum, "        ");
    Octal({tar::kChecksum.offset, 7}, Sum());
    bytes_[tar::kChecksum.offset + 6] = '\0';
  }
  std::string_view bytes() const { return {bytes_.data(), bytes_.size()}; }

 private:
  // Eight bytes at a time, in four sums of 16 bits: each gets two bytes of each of the 64 words.
  uint64_t Sum() const {
    constexpr uint64_t kEvenBytes = 0x00ff00ff00ff00ff;
    static_assert(2 * 255 * (tar::kBlock / 8) <= 0xffff);
    uint64_t sums = 0;
    for (size_t at = 0; at < bytes_.size(); at += sizeof(uint64_t)) {
      uint64_t word = 0;
      std::memcpy(&word, bytes_.data() + at, sizeof(word));
      sums += (word & kEvenBytes) + (word >> 8 & kEvenBytes);
    }
    return (sums & 0xffff) + (sums >> 16 & 0xffff) + (sums >> 32 & 0xffff) + (sums >> 48);
  }

  std::array<char, tar::kBlock> bytes_{};
};

/// Where a long name can be cut at a slash into ustar's prefix and name; 0 if nowhere.
size_t SplitAt(std::string_view name) {
  if (name.size() > tar::kPrefix.size + 1 + tar::kName.size) return 0;
  std::string_view head = name.substr(0, tar::kPrefix.size + 1);
  if (head.ends_with('/')) head.remove_suffix(1);
  const size_t slash = head.rfind('/');
  if (slash == std::string_view::npos || slash == 0) return 0;
  const size_t rest = name.size() - slash - 1;
  return rest > 0 && rest <= tar::kName.size ? slash : 0;
}

void PutName(Block& block, std::string_view name, PaxRecords& pax) {
  if (IsAscii(name)) {
    if (name.size() <= tar::kName.size) return block.Text(tar::kName, name);
    if (const size_t slash = SplitAt(name); slash != 0) {
      block.Text(tar::kPrefix, name.substr(0, slash));
      return block.Text(tar::kName, name.substr(slash + 1));
    }
  }
  pax["path"] = std::string(name);
  block.Text(tar::kName, name.substr(0, tar::kName.size));
}

void PutLink(Block& block, std::string_view link, PaxRecords& pax) {
  if (link.size() > tar::kLinkname.size || !IsAscii(link)) pax["linkpath"] = link;
  block.Text(tar::kLinkname, link.substr(0, tar::kLinkname.size));
}

void PutNumber(Block& block, tar::Field field, uint64_t value, std::string_view key, PaxRecords& pax) {
  if (!block.Octal(field, value)) pax[std::string(key)] = fmt::format("{}", value);
}

/// "<length> <key>=<value>\n", where the length counts itself.
void AppendPaxRecord(std::string& out, std::string_view key, std::string_view value) {
  const size_t rest = key.size() + value.size() + 3;
  size_t total = rest + std::to_string(rest).size();
  total = rest + std::to_string(total).size();
  out += fmt::format("{} {}=", total, key);
  out += value;
  out += '\n';
}

void AppendPaxHeader(const PaxRecords& pax, std::string& out) {
  std::string records;
  for (const auto& [key, value] : pax) AppendPaxRecord(records, key, value);
  Block block;
  block.Text(tar::kName, "PaxHeaders.0");
  block.Text(tar::kTypeflag, "x");
  block.Octal(tar::kMode, 0644);
  block.Octal(tar::kUid, 0);
  block.Octal(tar::kGid, 0);
  block.Octal(tar::kSize, records.size());
  block.Octal(tar::kMtime, 0);
  block.Text(tar::kMagic, std::string_view("ustar\00000", 8));
  block.Checksum();
  out += block.bytes();
  out += records;
  out += TarPadding(records.size());
}

Status AppendHeader(const Header& header, PaxRecords pax, std::string& out) {
  Block block;
  PutName(block, header.name, pax);
  PutLink(block, header.link, pax);
  block.Octal(tar::kMode, header.mode);
  PutNumber(block, tar::kUid, header.uid, "uid", pax);
  PutNumber(block, tar::kGid, header.gid, "gid", pax);
  PutNumber(block, tar::kSize, header.size, "size", pax);
  if (header.mtime < 0 || !block.Octal(tar::kMtime, static_cast<uint64_t>(header.mtime))) {
    block.Octal(tar::kMtime, 0);
    pax["mtime"] = fmt::format("{}", header.mtime);
  }
  block.Text(tar::kTypeflag, std::string_view(&header.type, 1));
  block.Text(tar::kMagic, std::string_view("ustar\00000", 8));
  if (!block.Octal(tar::kDevMajor, header.dev_major) || !block.Octal(tar::kDevMinor, header.dev_minor)) {
    return InvalidArgument("write '{}' to a layer: the device number {}:{} is too large", header.name, header.dev_major,
                           header.dev_minor);
  }
  block.Checksum();
  if (!pax.empty()) AppendPaxHeader(pax, out);
  out += block.bytes();
  return Status();
}

Status AppendMarker(std::string_view name, std::string& out) {
  // Neither owner nor time: a marker says nothing but its name.
  Header header;
  header.name = name;
  return AppendHeader(header, {}, out);
}

std::string WhiteoutName(std::string_view path) {
  const size_t base = path.rfind('/') + 1;  // npos + 1 is 0
  return fmt::format("{}{}{}", path.substr(0, base), kWhiteoutPrefix, path.substr(base));
}

Result<char> Typeflag(const tree::Entry& entry) {
  switch (entry.type) {
    case tree::Type::kFile:
    case tree::Type::kWhiteout: return '0';
    case tree::Type::kHardlink: return '1';
    case tree::Type::kSymlink: return '2';
    case tree::Type::kCharDevice: return '3';
    case tree::Type::kBlockDevice: return '4';
    case tree::Type::kDirectory: return '5';
    case tree::Type::kFifo: return '6';
    case tree::Type::kSocket: break;
  }
  return InvalidArgument("write '{}' to a layer: a socket has no place in one", entry.path);
}

PaxRecords XattrRecords(const tree::Entry& entry, bool all) {
  PaxRecords pax;
  for (const auto& [name, value] : entry.xattrs) {
    // A record's key ends at its first '='.
    if ((all || name == kCapability) && name.find('=') == std::string::npos)
      pax[fmt::format("{}{}", kXattrKey, name)] = value;
  }
  return pax;
}

}  // namespace

Status AppendTarHeader(const tree::Entry& entry, const TarOptions& options, std::string& out) {
  if (entry.type == tree::Type::kWhiteout) return AppendMarker(WhiteoutName(entry.path), out);
  Header header;
  SLIPWAY_ASSIGN_OR_RETURN(header.type, Typeflag(entry));
  header.name = entry.path.empty() ? "." : std::string_view(entry.path);
  std::string folder;
  if (entry.is_dir()) header.name = folder.append(header.name).append("/");
  const bool device = entry.type == tree::Type::kCharDevice || entry.type == tree::Type::kBlockDevice;
  if (device) {
    header.dev_major = entry.dev_major;
    header.dev_minor = entry.dev_minor;
  }
  const bool link = entry.type == tree::Type::kSymlink || entry.type == tree::Type::kHardlink;
  if (link) header.link = entry.link;
  // A symbolic link has no mode of its own; everyone writes 0777.
  header.mode = entry.type == tree::Type::kSymlink ? 0777 : entry.mode & 07777;
  header.uid = entry.uid;
  header.gid = entry.gid;
  header.size = entry.is_file() ? entry.size : 0;
  header.mtime = entry.mtime.seconds;
  if (options.clamp_mtime) header.mtime = std::min(header.mtime, *options.clamp_mtime);
  SLIPWAY_RETURN_IF_ERROR(AppendHeader(header, XattrRecords(entry, options.all_xattrs), out));
  if (!entry.is_dir() || !entry.opaque) return Status();
  return AppendMarker(entry.path.empty() ? std::string(kOpaqueMarker) : fmt::format("{}/{}", entry.path, kOpaqueMarker),
                      out);
}

std::string_view TarPadding(uint64_t size) { return {kZeros.data(), static_cast<size_t>(tar::Padding(size))}; }

std::string_view TarTrailer() { return {kZeros.data(), kZeros.size()}; }

}  // namespace slipway::layer
