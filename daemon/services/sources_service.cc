#include "daemon/services/sources_service.h"

#include <google/protobuf/arena.h>

#include <algorithm>
#include <optional>

#include "daemon/services/convert.h"
#include "daemon/services/message_check.h"
#include "daemon/services/status.h"
#include "daemon/sources/context_upload.h"
#include "executor/base/cleanup.h"
#include "executor/base/file_handover.h"
#include "executor/base/log.h"

namespace slipway::services {

namespace {

constexpr int kMaxEntriesPerMessage = 10'000;
constexpr size_t kMissingPerMessage = 100'000;

grpc::Status OutOfTurn(std::string_view field, std::string_view expected) {
  return BadFields({{std::string(field), fmt::format("came out of turn; {} is expected now", expected)}});
}

grpc::Status Explain(const sources::ManifestError& error) {
  const std::string entry = fmt::format("entries[{}]", error.entry);
  if (error.status.code() == Code::kInvalidArgument) {
    return BadFields({{error.member.empty() ? entry : entry + "." + error.member, error.status.message()}});
  }
  if (error.status.code() == Code::kResourceExhausted) return Refuse(error.status, "CONTEXT_LIMIT");
  return ToGrpc(error.status);
}

grpc::Status Incomplete(std::string_view what) {
  return Refuse(Aborted("the upload ended too early: {}", what), "UPLOAD_INCOMPLETE");
}

template <typename M>
bool HasKnownOnly(const M& message) {
  static const google::protobuf::Reflection& reflection = *M::default_instance().GetReflection();
  return reflection.GetUnknownFields(message).empty();
}

// Whether CheckKnown would find nothing. It looks at any message through its descriptor, which takes three times as
// long as all else that is done with an entry, and an upload has ten thousands of them.
bool IsKnown(const v1::UploadContextRequest& request) {
  const auto all_known = [](const auto& messages) {
    return std::all_of(messages.begin(), messages.end(), [](const auto& m) { return HasKnownOnly(m); });
  };
  const auto entry_known = [&](const v1::ContextEntry& entry) {
    return HasKnownOnly(entry) && v1::EntryType_IsValid(entry.type()) && HasKnownOnly(entry.mtime()) &&
           all_known(entry.xattrs());
  };
  const auto& entries = request.manifest().entries();
  return HasKnownOnly(request) && HasKnownOnly(request.manifest()) && HasKnownOnly(request.contents()) &&
         all_known(request.contents().parts()) && std::all_of(entries.begin(), entries.end(), entry_known);
}

task::FieldErrors CheckUpload(const v1::UploadContextRequest& request) {
  return IsKnown(request) ? task::FieldErrors() : CheckKnown(request);
}

}  // namespace

// One call, turn after turn.
class UploadCall {
 public:
  UploadCall(SourcesService& service, grpc::ServerContext* context, SourcesService::Stream* stream)
      : service_(service), context_(context), stream_(*stream) {}

  grpc::Status Run() {
    Result<std::unique_ptr<sources::ContextUpload>> upload =
        sources::ContextUpload::Begin(service_.store_, service_.limits_);
    if (!upload.ok()) return ToGrpc(upload.status());
    upload_ = std::move(*upload);
    if (grpc::Status status = ReceiveManifest(); !status.ok()) return status;
    if (grpc::Status status = SendMissing(); !status.ok()) return status;
    if (grpc::Status status = ReceiveContents(); !status.ok()) return status;
    return SendResult();
  }

 private:
  // Reads into a fresh arena: a manifest is thousands of small messages. nullptr at the end of the stream.
  v1::UploadContextRequest* Read() {
    arena_.Reset();
    auto* request = google::protobuf::Arena::CreateMessage<v1::UploadContextRequest>(&arena_);
    const bool ok = stream_.Read(request);
    service_.calls_.Touch(context_);
    return ok ? request : nullptr;
  }

  grpc::Status ReceiveManifest() {
    for (bool last = false; !last;) {
      const v1::UploadContextRequest* request = Read();
      if (request == nullptr) return Incomplete("the manifest has no last message");
      if (const task::FieldErrors unknown = CheckUpload(*request); !unknown.empty()) return BadFields(unknown);
      if (!request->has_manifest()) return OutOfTurn("contents", "manifest");
      if (grpc::Status status = AddEntries(request->manifest()); !status.ok()) return status;
      last = request->manifest().last();
    }
    const sources::ManifestError error = upload_->EndManifest();
    return error.status.ok() ? grpc::Status::OK : Explain(error);
  }

  grpc::Status AddEntries(const v1::ManifestChunk& chunk) {
    if (chunk.entries_size() > kMaxEntriesPerMessage) {
      return BadFields({{"manifest.entries", fmt::format("has {} elements; the limit is {}", chunk.entries_size(),
                                                         kMaxEntriesPerMessage)}});
    }
    for (const v1::ContextEntry& entry : chunk.entries()) {
      tree::Entry out;
      task::FieldError bad;
      if (!ToEntry(entry, &out, &bad)) return BadFields({bad}, fmt::format("entries[{}].", count_));
      if (const sources::ManifestError error = upload_->Add(std::move(out)); !error.status.ok()) return Explain(error);
      ++count_;
    }
    return grpc::Status::OK;
  }

  grpc::Status SendMissing() {
    const std::vector<uint32_t>& missing = upload_->missing();
    size_t begin = 0;
    do {
      const size_t end = std::min(begin + kMissingPerMessage, missing.size());
      v1::UploadContextResponse response;
      v1::MissingContents* part = response.mutable_missing();
      part->mutable_entries()->Add(missing.begin() + static_cast<ptrdiff_t>(begin),
                                   missing.begin() + static_cast<ptrdiff_t>(end));
      part->set_last(end == missing.size());
      if (part->last()) OfferHandover(part);
      if (!stream_.Write(response)) return grpc::Status::CANCELLED;
      begin = end;
    } while (begin < missing.size());
    return grpc::Status::OK;
  }

  // Without it the client sends bytes, so a failure is no more than a remark.
  void OfferHandover(v1::MissingContents* missing) {
    if (upload_->largest_missing() <= content::kLargestPacked || service_.unix_path_.empty()) return;
    if (!context_->peer().starts_with("unix:")) return;
    Result<HandoverReceiver> receiver = HandoverReceiver::Open(service_.unix_path_);
    if (receiver.ok()) {
      missing->set_handover(handover_.emplace(std::move(*receiver)).offer());
    } else {
      spdlog::debug("large files of contexts go through the socket: {}", receiver.status().message());
    }
  }

  grpc::Status ReceiveContents() {
    while (!upload_->complete()) {
      const v1::UploadContextRequest* request = Read();
      if (request == nullptr)
        return Incomplete(fmt::format("the content of '{}' has not come", upload_->NextMissing()));
      if (const task::FieldErrors unknown = CheckUpload(*request); !unknown.empty()) return BadFields(unknown);
      if (!request->has_contents()) return OutOfTurn("manifest", "contents");
      for (int i = 0; i < request->contents().parts_size(); ++i) {
        const grpc::Status status = AddPart(request->contents().parts(i), fmt::format("contents.parts[{}].", i));
        if (!status.ok()) return status;
      }
    }
    return grpc::Status::OK;
  }

  grpc::Status AddPart(const v1::FilePart& part, const std::string& field) {
    std::string member;
    Status status;
    if (!part.handed_over()) {
      status = upload_->AddContent(part.entry(), part.data(), &member);
    } else if (!part.data().empty() || !handover_) {
      member = "handed_over";
      status = InvalidArgument("{}", handover_ ? "comes with bytes" : "is set, but no socket was offered");
    } else {
      Result<UniqueFd> file = handover_->Take(part.entry());
      if (!file.ok()) return RefuseHandover(std::move(file).status());
      status = AddFile(part.entry(), file->get(), &member);
      // This process must not read what its client may.
      if (status.code() == Code::kPermissionDenied) return RefuseHandover(std::move(status));
    }
    if (status.code() == Code::kInvalidArgument) return BadFields({{field + member, status.message()}});
    return ToGrpc(status);
  }

  Status AddFile(uint32_t entry, int fd, std::string* member) {
    const auto go_on = [this] {
      service_.calls_.Touch(context_);
      return context_->IsCancelled() ? Cancelled("the client is gone") : Status();
    };
    return upload_->AddFile(entry, fd, go_on, member);
  }

  // The client begins anew and sends bytes.
  grpc::Status RefuseHandover(Status why) const {
    return Refuse(FailedPrecondition("'{}' was handed over and cannot be taken: {}; send its bytes",
                                     upload_->NextMissing(), why.message()),
                  "HANDOVER_REFUSED");
  }

  grpc::Status SendResult() {
    const Result<Digest> tree = upload_->Commit();
    if (!tree.ok()) return ToGrpc(tree.status());
    service_.uploads_.Hold(*tree, upload_->TakeLease(), upload_->TakeTree());
    const sources::UploadCounts& counts = upload_->counts();
    v1::UploadContextResponse response;
    v1::UploadResult* result = response.mutable_result();
    result->set_source_location(fmt::format("upload:{}", *tree));
    result->set_bytes_received(counts.bytes_received);
    result->set_files_received(counts.files_received);
    result->set_files_reused(counts.files_reused);
    result->set_bytes_total(counts.bytes_total);
    return stream_.Write(response) ? grpc::Status::OK : grpc::Status::CANCELLED;
  }

  SourcesService& service_;
  grpc::ServerContext* const context_;
  SourcesService::Stream& stream_;
  google::protobuf::Arena arena_;
  std::unique_ptr<sources::ContextUpload> upload_;
  std::optional<HandoverReceiver> handover_;
  size_t count_ = 0;  // entries so far
};

grpc::Status SourcesService::UploadContext(grpc::ServerContext* context, Stream* stream) {
  if (!slots_.try_acquire()) {
    return Refuse(ResourceExhausted("{} uploads are under way, which is the limit; try again later", kMaxUploads),
                  "TOO_MANY_STREAMS");
  }
  const Cleanup give([this] { slots_.release(); });
  calls_.Touch(context);
  const Cleanup forget([this, context] { calls_.Forget(context); });
  return UploadCall(*this, context, stream).Run();
}

}  // namespace slipway::services
