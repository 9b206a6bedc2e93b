#include "daemon/services/output_stream.h"

namespace slipway::services {

namespace v1 = ::slipway::v1;

namespace {

constexpr size_t kPiece = 256U << 10;
constexpr size_t kEntryCost = 64;  // roughly, of an entry's numbers

v1::EntryType TypeOf(tree::Type type) {
  switch (type) {
    case tree::Type::kFile: return v1::ENTRY_TYPE_FILE;
    case tree::Type::kDirectory: return v1::ENTRY_TYPE_DIRECTORY;
    case tree::Type::kSymlink: return v1::ENTRY_TYPE_SYMLINK;
    case tree::Type::kHardlink: return v1::ENTRY_TYPE_HARDLINK;
    case tree::Type::kCharDevice: return v1::ENTRY_TYPE_CHAR_DEVICE;
    case tree::Type::kBlockDevice: return v1::ENTRY_TYPE_BLOCK_DEVICE;
    case tree::Type::kFifo: return v1::ENTRY_TYPE_FIFO;
    case tree::Type::kSocket:
    case tree::Type::kWhiteout: break;
  }
  return v1::ENTRY_TYPE_UNSPECIFIED;
}

void Fill(const tree::Entry& entry, v1::OutputEntry* out) {
  out->set_path(entry.path);
  out->set_type(TypeOf(entry.type));
  out->set_mode(entry.mode);
  out->set_uid(entry.uid);
  out->set_gid(entry.gid);
  out->mutable_mtime()->set_seconds(entry.mtime.seconds);
  out->mutable_mtime()->set_nanos(static_cast<int32_t>(entry.mtime.nanos));
  if (entry.is_file()) out->set_size(entry.size);
  out->set_link_target(entry.link);
  for (const auto& [name, value] : entry.xattrs) {
    v1::ExtendedAttribute* xattr = out->add_xattrs();
    xattr->set_name(name);
    xattr->set_value(value);
  }
  out->set_device_major(entry.dev_major);
  out->set_device_minor(entry.dev_minor);
}

}  // namespace

Status OutputStream::Entry(const tree::Entry& entry) {
  if (TypeOf(entry.type) == v1::ENTRY_TYPE_UNSPECIFIED) return Internal("'{}' has no place in an output", entry.path);
  Fill(entry, response_.add_parts()->mutable_entry());
  gathered_ += entry.path.size() + entry.link.size() + kEntryCost;
  for (const auto& [name, value] : entry.xattrs) gathered_ += name.size() + value.size();
  return gathered_ >= kPiece ? Flush() : Status();
}

Status OutputStream::Bytes(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kPiece);
    // To the last part, which is either the entry that the bytes belong to, or bytes too.
    const int parts = response_.parts_size();
    v1::OutputPart* part = parts == 0 ? response_.add_parts() : response_.mutable_parts(parts - 1);
    part->mutable_data()->append(piece);
    gathered_ += piece.size();
    bytes.remove_prefix(piece.size());
    if (gathered_ >= kPiece) SLIPWAY_RETURN_IF_ERROR(Flush());
  }
  return Status();
}

Status OutputStream::Flush() {
  if (response_.parts().empty()) return Status();
  watch_.Touch(context_);
  const bool sent = writer_.Write(response_, grpc::WriteOptions());
  watch_.Touch(context_);
  response_.Clear();
  gathered_ = 0;
  return sent ? Status() : Cancelled("the client is gone");
}

}  // namespace slipway::services
