// Blobs inward: streamed, verified, resumed.
#include "executor/registry/answer.h"
#include "executor/registry/caller.h"
#include "executor/registry/progress.h"
#include "executor/registry/retry.h"

namespace slipway::registry {

namespace {

/// One blob on its way to a sink, over as many connections as it takes.
class BlobFetch {
 public:
  BlobFetch(std::string what, const oci::Descriptor& descriptor, const http::Sink& sink, const ProgressFn& progress,
            HashedBy hashed_by)
      : what_(std::move(what)),
        descriptor_(descriptor),
        size_(static_cast<uint64_t>(descriptor.size)),
        sink_(sink),
        progress_(progress, size_),
        hashes_(hashed_by == HashedBy::kFetch) {}

  Status Run(const Context& ctx, Caller& caller, const Repository& repo) {
    Call call{.what = what_, .repo = repo, .target = ApiPath(repo, "blobs", descriptor_.digest.ToString())};
    call.scopes = ScopeSet::Pull(repo.name);
    call.position = [this] { return offset_; };
    call.prepare = [this](Call& next) {
      if (offset_ > 0) next.request.headers.Set("Range", fmt::format("bytes={}-", offset_));
    };
    call.request.on_response = [this](const http::Response& response) { return Begin(response); };
    call.request.sink = [this](std::string_view bytes) { return Take(bytes); };
    const Options& options = caller.state().options;
    RetryOutcome outcome = WithRetry(
        ctx, options.retry, *options.clock, [&] { return Once(ctx, caller, call); }, call.position);
    SLIPWAY_ASSIGN_OR_RETURN(const http::Response response, caller.Judge(call, std::move(outcome)));
    if (!response.ok()) return AnswerFailure(what_, repo.host, response);
    return Finish();
  }

 private:
  // A connection that drops after the last byte took nothing but the answer's end with it. Asked to go on from there, a
  // registry could only refuse (416).
  Attempt Once(const Context& ctx, Caller& caller, Call& call) {
    Attempt attempt = caller.Once(ctx, call);
    const bool whole = offset_ > 0 && offset_ == size_;
    const bool dropped = attempt.result.code() == Code::kUnavailable && !attempt.is_final;
    return whole && dropped ? Attempt{.result = http::Response{.status = 200}} : attempt;
  }

  // A server that does not know Range begins at the start again; what is known is passed over.
  Status Begin(const http::Response& response) {
    skip_ = 0;
    if (offset_ > 0 && response.status != 206) skip_ = offset_;
    if (response.status == 206) {
      const std::string expected = fmt::format("bytes {}-", offset_);
      if (!response.headers.Get("Content-Range").starts_with(expected)) {
        return DataLoss("{}: the registry resumed at the wrong place, '{}' where '{}…' was asked for", what_,
                        CleanText(response.headers.Get("Content-Range")), expected);
      }
    }
    const auto length = response.headers.GetNumber("Content-Length");
    const uint64_t expected = size_ - offset_ + skip_;
    if (length && *length != expected) {
      return DataLoss("{}: the registry sends {} bytes where {} are expected", what_, *length, expected);
    }
    return Status();
  }

  Status Take(std::string_view bytes) {
    const size_t known = std::min<uint64_t>(skip_, bytes.size());
    skip_ -= known;
    bytes.remove_prefix(known);
    if (bytes.size() > size_ - offset_) return DataLoss("{}: there are more than {} bytes", what_, size_);
    if (bytes.empty()) return Status();
    if (hashes_) hasher_.Update(bytes);
    SLIPWAY_RETURN_IF_ERROR(sink_(bytes));
    offset_ += bytes.size();
    progress_.Report(offset_);
    return Status();
  }

  Status Finish() {
    if (offset_ != size_) return DataLoss("{}: it ended after {} of {} bytes", what_, offset_, size_);
    if (!hashes_) return Status();
    const Digest got = hasher_.Finish();
    if (got == descriptor_.digest) return Status();
    return DataLoss("{}: what came has digest {}; it was damaged on the way or in the registry", what_, got);
  }

  const std::string what_;
  const oci::Descriptor& descriptor_;
  const uint64_t size_;
  const http::Sink& sink_;
  ProgressGate progress_;
  const bool hashes_;
  Hasher hasher_;
  uint64_t offset_ = 0;
  uint64_t skip_ = 0;
};

}  // namespace

Status Session::FetchBlob(const Context& ctx, const Repository& repo, const oci::Descriptor& descriptor,
                          const http::Sink& sink, const ProgressFn& progress, HashedBy hashed_by) const {
  const std::string what = fmt::format("fetch blob '{}@{}'", repo.ToString(), descriptor.digest);
  if (descriptor.size < 0) return InvalidArgument("{}: its descriptor has no size", what);
  SLIPWAY_ASSIGN_OR_RETURN(const Cleanup place, state_->limiter.Enter(ctx, repo.host));
  Caller caller(*state_, credentials_.get());
  return BlobFetch(what, descriptor, sink, progress, hashed_by).Run(ctx, caller, repo);
}

Status Session::PullBlob(const Context& ctx, const Repository& repo, const oci::Descriptor& descriptor,
                         content::Store& store, content::Lease* lease, const ProgressFn& progress) const {
  Caller caller(*state_, credentials_.get());
  SLIPWAY_ASSIGN_OR_RETURN(const std::string identity, caller.Identity(ctx, repo.host));
  // The store is part of the key: it is that store which the blob comes to.
  const std::string key =
      fmt::format("{}\n{}\n{}\n{}", repo.ToString(), descriptor.digest, identity, static_cast<const void*>(&store));
  while (true) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<Digest> missing, store.Missing({&descriptor.digest, 1}, lease));
    if (missing.empty()) break;
    bool led = false;
    const auto pulled = state_->pulls.Do(
        ctx, key,
        [&]() -> Result<bool> {
          SLIPWAY_ASSIGN_OR_RETURN(const auto ingest, store.Begin({.expected = descriptor.digest,
                                                                   .max_size = descriptor.size,
                                                                   .durable = content::Durable::kSoon}));
          SLIPWAY_RETURN_IF_ERROR(FetchBlob(
              ctx, repo, descriptor, [&](std::string_view bytes) { return ingest->Write(bytes); }, progress,
              HashedBy::kSink));
          SLIPWAY_RETURN_IF_ERROR(
              ingest->Verify().With(fmt::format("fetch blob '{}@{}'", repo.ToString(), descriptor.digest)));
          SLIPWAY_RETURN_IF_ERROR(ingest->Commit(lease).status());
          return true;
        },
        &led);
    SLIPWAY_RETURN_IF_ERROR(pulled.status());
    if (led) return Status();
    // Another's flight brought it under another's lease: take it under ours.
  }
  if (progress) progress(static_cast<uint64_t>(descriptor.size), static_cast<uint64_t>(descriptor.size));
  return Status();
}

}  // namespace slipway::registry
