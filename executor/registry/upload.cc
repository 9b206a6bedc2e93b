// Upload: a blob sent while it is made.
#include "executor/registry/answer.h"
#include "executor/registry/caller.h"
#include "executor/registry/sender.h"

namespace slipway::registry {

namespace {

// A blob that ends within this many bytes is sent like any other, which costs fewer round trips than a stream and
// nothing if the registry has it already.
constexpr size_t kHeldBack = 1U << 20;

class StreamedUpload : public Upload {
 public:
  StreamedUpload(std::shared_ptr<RegistryState> state, std::shared_ptr<CredentialSource> credentials, Repository repo)
      : state_(std::move(state)),
        credentials_(std::move(credentials)),
        caller_(*state_, credentials_.get()),
        repo_(std::move(repo)),
        what_(fmt::format("push a new blob to '{}'", repo_.ToString())),
        sender_(caller_, repo_, what_) {}

  ~StreamedUpload() override {
    push_.reset();
    if (!location_.empty() && !committed_) sender_.Cancel(location_);
  }

  Status Write(const Context& ctx, std::string_view bytes) override {
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    if (broken()) return Status();
    if (!push_ && held_.size() + bytes.size() <= kHeldBack) {
      held_ += bytes;
      return Status();
    }
    Status status = push_ ? Status() : Begin(ctx);
    if (status.ok()) status = push_->Write(ctx, bytes);
    if (status.ok() && push_->answered()) status = Unavailable("'{}' ended the upload before its end", repo_.host);
    return Remember(ctx, std::move(status));
  }

  Status Commit(const Context& ctx, const Digest& digest, const content::Blob* whole) override {
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    if (!broken() && !push_) return CommitHeld(ctx, digest);
    if (!broken()) SLIPWAY_RETURN_IF_ERROR(Remember(ctx, Finish(ctx, digest)));
    if (!broken()) {
      committed_ = true;
      return Status();
    }
    // What a second try would meet again is told at once.
    const bool lasting = trouble_.code() != Code::kUnavailable && trouble_.code() != Code::kDataLoss;
    if (whole == nullptr || lasting) return trouble_;
    return SendAgain(ctx, digest, BlobReader::Of(*whole));
  }

  bool broken() const override { return !trouble_.ok(); }

 private:
  Status Begin(const Context& ctx) {
    SLIPWAY_ASSIGN_OR_RETURN(location_, sender_.Open(ctx));
    SLIPWAY_ASSIGN_OR_RETURN(push_, caller_.StartPush(ctx, sender_.Append(location_)));
    const std::string held = std::exchange(held_, {});
    return push_->Write(ctx, held);
  }

  // Trouble is kept for Commit; only the caller's own cancel is told at once.
  Status Remember(const Context& ctx, Status status) {
    if (status.ok()) return status;
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    trouble_ = std::move(status).With(what_);
    push_.reset();
    held_ = {};
    return Status();
  }

  Status Finish(const Context& ctx, const Digest& digest) {
    SLIPWAY_ASSIGN_OR_RETURN(const http::Response answer, push_->Finish(ctx));
    push_.reset();
    if (!answer.ok()) return Unavailable("'{}' did not take the stream, HTTP {}", repo_.host, answer.status);
    SLIPWAY_ASSIGN_OR_RETURN(location_, caller_.Locate(ctx, repo_, answer));
    return sender_.Commit(ctx, location_, digest);
  }

  Status CommitHeld(const Context& ctx, const Digest& digest) {
    SLIPWAY_RETURN_IF_ERROR(SendAgain(ctx, digest, BlobReader::Of(held_)));
    committed_ = true;
    return Status();
  }

  Status SendAgain(const Context& ctx, const Digest& digest, const BlobReader& blob) {
    BlobSender sender(caller_, repo_, fmt::format("push blob '{}@{}'", repo_.ToString(), digest));
    SLIPWAY_ASSIGN_OR_RETURN(const bool there, sender.Exists(ctx, digest));
    return there ? Status() : sender.Send(ctx, "", digest, blob, nullptr);
  }

  const std::shared_ptr<RegistryState> state_;
  const std::shared_ptr<CredentialSource> credentials_;
  Caller caller_;
  const Repository repo_;
  const std::string what_;
  BlobSender sender_;

  std::string held_;  // the beginning, until there is too much of it
  std::string location_;
  std::unique_ptr<http::PushRequest> push_;
  Status trouble_;
  bool committed_ = false;
};

}  // namespace

Result<std::unique_ptr<Upload>> Session::StartUpload(const Context& ctx, const Repository& repo) const {
  SLIPWAY_RETURN_IF_ERROR(ctx.Err());
  return std::unique_ptr<Upload>(std::make_unique<StreamedUpload>(state_, credentials_, repo));
}

}  // namespace slipway::registry
