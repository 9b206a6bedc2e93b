#include "cli/context_upload.h"

#include <google/protobuf/arena.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "cli/content_ahead.h"

namespace slipway::cli {

namespace {

constexpr size_t kManifestEntries = 5000;
constexpr size_t kMessageBytes = 1U << 20;
constexpr int64_t kNanos = 1'000'000'000;
// The daemon takes a bounded number of uploads at once; others wait here until it has room.
constexpr std::chrono::milliseconds kFirstWait{50};
constexpr std::chrono::milliseconds kLongestWait{1000};
constexpr std::chrono::minutes kLongestQueue{10};

using Stream = grpc::ClientReaderWriterInterface<v1::UploadContextRequest, v1::UploadContextResponse>;

v1::EntryType TypeOf(EntryKind kind) {
  switch (kind) {
    case EntryKind::kFile: return v1::ENTRY_TYPE_FILE;
    case EntryKind::kDirectory: return v1::ENTRY_TYPE_DIRECTORY;
    case EntryKind::kSymlink: return v1::ENTRY_TYPE_SYMLINK;
    case EntryKind::kHardlink: return v1::ENTRY_TYPE_HARDLINK;
    case EntryKind::kFifo: return v1::ENTRY_TYPE_FIFO;
  }
  return v1::ENTRY_TYPE_UNSPECIFIED;
}

void Fill(const ContextEntry& entry, v1::ContextEntry* out) {
  out->set_path(entry.path);
  out->set_type(TypeOf(entry.kind));
  out->set_mode(entry.mode);
  int64_t seconds = entry.stamp.mtime_ns / kNanos;
  int64_t nanos = entry.stamp.mtime_ns % kNanos;
  if (nanos < 0) {  // before 1970: nanos count forward
    nanos += kNanos;
    --seconds;
  }
  out->mutable_mtime()->set_seconds(seconds);
  out->mutable_mtime()->set_nanos(static_cast<int32_t>(nanos));
  if (entry.kind == EntryKind::kFile) {
    out->set_size(entry.stamp.size);
    out->set_sha256(entry.digest.bytes().data(), Digest::kSize);
  }
  if (!entry.link.empty()) out->set_link_target(entry.link);
  for (const auto& [name, value] : entry.xattrs) {
    auto* xattr = out->add_xattrs();
    xattr->set_name(name);
    xattr->set_value(value);
  }
}

// About how long an entry is on the wire.
size_t RoughSize(const ContextEntry& entry) {
  size_t size = entry.path.size() + entry.link.size() + 80;
  for (const auto& [name, value] : entry.xattrs) size += name.size() + value.size() + 8;
  return size;
}

// What would let another attempt succeed.
enum class Hope {
  kNone,
  kLater,     // others are at it: there will be room
  kAllBytes,  // the daemon cannot take open files
};

class Upload {
 public:
  Upload(const Context& ctx, Connection& connection, const ContextPacker& packed, bool hand_over,
         UploadProgress* progress)
      : ctx_(ctx),
        connection_(connection),
        packed_(packed),
        hand_over_(hand_over),
        progress_(*progress),
        call_(ctx),
        stream_(connection.sources().UploadContext(call_.context())) {}

  Result<std::string> Run(Hope* hope) {
    Result<std::string> location = Exchange();
    *hope = hope_;
    if (location.ok()) return location;
    // A failure of ours leaves the call open.
    if (!finished_) {
      call_.context()->TryCancel();
      stream_->Finish();
    }
    return location;
  }

 private:
  Result<std::string> Exchange() {
    if (!SendManifest()) return CallFailed();
    std::vector<uint32_t> missing;
    std::string handover;
    SLIPWAY_RETURN_IF_ERROR(ReceiveMissing(&missing, &handover));
    SLIPWAY_RETURN_IF_ERROR(SendContents(missing, handover));
    stream_->WritesDone();
    v1::UploadContextResponse response;
    if (!stream_->Read(&response)) return CallFailed();
    if (!response.has_result()) return Internal("send the context: the daemon answered out of turn");
    std::string location = response.result().source_location();
    finished_ = true;
    if (grpc::Status status = stream_->Finish(); !status.ok()) return Explain(status);
    return location;
  }

  bool SendManifest() {
    const std::vector<ContextEntry>& entries = packed_.entries();
    size_t at = 0;
    do {
      google::protobuf::Arena arena;
      auto* request = google::protobuf::Arena::CreateMessage<v1::UploadContextRequest>(&arena);
      v1::ManifestChunk* chunk = request->mutable_manifest();
      size_t bytes = 0;
      for (size_t n = 0; at < entries.size() && n < kManifestEntries && bytes < kMessageBytes; ++n, ++at) {
        Fill(entries[at], chunk->add_entries());
        bytes += RoughSize(entries[at]);
      }
      chunk->set_last(at == entries.size());
      if (!stream_->Write(*request)) return false;
    } while (at < entries.size());
    return true;
  }

  Status ReceiveMissing(std::vector<uint32_t>* missing, std::string* handover) {
    v1::UploadContextResponse response;
    do {
      if (!stream_->Read(&response)) return CallFailed();
      if (!response.has_missing()) return Internal("send the context: the daemon answered out of turn");
      for (const uint32_t index : response.missing().entries()) {
        if (index >= packed_.entries().size() || packed_.entries()[index].kind != EntryKind::kFile) {
          return Internal("send the context: the daemon asked for a file that is not in it");
        }
        missing->push_back(index);
      }
    } while (!response.missing().last());
    *handover = response.missing().handover();
    uint64_t bytes = 0;
    for (const uint32_t index : *missing) bytes += packed_.entries()[index].stamp.size;
    progress_.bytes = 0;
    progress_.files = 0;
    progress_.bytes_total = bytes;
    progress_.files_total = missing->size();
    return {};
  }

  // Where the daemon takes open files; none where it does not or is not to be reached so.
  std::optional<HandoverSender> Connect(const std::string& handover) const {
    constexpr std::string_view kUnix = "unix:";
    const Result<std::string> target = GrpcTarget(connection_.server());
    if (!hand_over_ || handover.empty() || !target.ok() || !target->starts_with(kUnix)) return std::nullopt;
    Result<HandoverSender> sender = HandoverSender::Connect(target->substr(kUnix.size()), handover);
    return sender.ok() ? std::optional(std::move(*sender)) : std::nullopt;
  }

  Status SendContents(const std::vector<uint32_t>& missing, const std::string& handover) {
    std::optional<HandoverSender> sender = Connect(handover);
    ContentAhead contents(ctx_, packed_.pool(), packed_.root_fd(), packed_.entries(), missing,
                          sender ? &*sender : nullptr);
    while (true) {
      SLIPWAY_ASSIGN_OR_RETURN(const std::unique_ptr<ContentAhead::Message> message, contents.Next());
      if (message == nullptr) return Status();
      if (!stream_->Write(message->request)) return CallFailed();
      progress_.bytes += message->bytes;
      progress_.files += message->files;
    }
  }

  Status CallFailed() {
    finished_ = true;
    const grpc::Status status = stream_->Finish();
    if (status.ok()) return Internal("send the context: the daemon ended the call too early");
    return Explain(status);
  }

  Status Explain(const grpc::Status& status) {
    SLIPWAY_RETURN_IF_ERROR(ctx_.Err());
    std::string reason;
    Status failure = connection_.Failure(status, "send the context", &reason);
    if (reason == "TOO_MANY_STREAMS") hope_ = Hope::kLater;
    if (reason == "HANDOVER_REFUSED") hope_ = Hope::kAllBytes;
    if (failure.code() != Code::kDataLoss) return Status(failure.code(), NameEntries(failure.message()));
    return Aborted("{}; a file of the context changed while it was sent: run the command again once it is complete",
                   failure.message());
  }

  // "entries[17].path" as "'dir/file' (path)": the number says nothing to the user.
  std::string NameEntries(const std::string& message) const {
    constexpr std::string_view kMark = "entries[";
    const size_t begin = message.find(kMark);
    size_t index = 0;
    if (begin == std::string::npos) return message;
    const char* digits = message.data() + begin + kMark.size();
    const auto [end, error] = std::from_chars(digits, message.data() + message.size(), index);
    if (error != std::errc() || !std::string_view(end).starts_with("].") || index >= packed_.entries().size()) {
      return message;
    }
    const size_t member = static_cast<size_t>(end - message.data()) + 2;
    const size_t rest = std::min(message.find(':', member), message.size());
    return fmt::format("{}'{}' ({}){}", message.substr(0, begin), packed_.entries()[index].path,
                       message.substr(member, rest - member), message.substr(rest));
  }

  const Context& ctx_;
  Connection& connection_;
  const ContextPacker& packed_;
  const bool hand_over_;
  UploadProgress& progress_;
  Call call_;
  std::unique_ptr<Stream> stream_;
  bool finished_ = false;
  Hope hope_ = Hope::kNone;
};

}  // namespace

Result<std::string> UploadContext(const Context& ctx, Connection& connection, const ContextPacker& packed,
                                  UploadProgress* progress) {
  std::chrono::milliseconds wait = kFirstWait;
  const auto begun = std::chrono::steady_clock::now();
  bool hand_over = true;
  while (true) {
    Hope hope = Hope::kNone;
    Result<std::string> location = Upload(ctx, connection, packed, hand_over, progress).Run(&hope);
    if (hope == Hope::kAllBytes && hand_over) {
      hand_over = false;
      continue;
    }
    if (hope != Hope::kLater || std::chrono::steady_clock::now() - begun >= kLongestQueue) return location;
    SLIPWAY_RETURN_IF_ERROR(ctx.Sleep(wait));
    wait = std::min(wait * 2, kLongestWait);
  }
}

}  // namespace slipway::cli
