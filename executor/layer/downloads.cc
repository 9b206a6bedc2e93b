#include "executor/layer/downloads.h"

#include <memory>
#include <optional>
#include <thread>

#include "executor/base/log.h"
#include "executor/layer/pipe.h"

namespace slipway::layer {

namespace {
Status Verify(content::Ingest& ingest, const Remote& place) {
  return ingest.Verify().With(fmt::format("fetch blob '{}/{}@{}': it was damaged on the way or in the registry",
                                          place.host, place.repository, place.descriptor.digest));
}
}  // namespace

/// One blob that is read while it is downloaded.
class Downloads::Streamed {
 public:
  Streamed(Downloads& downloads, const Context& ctx, const Remote& place, const VertexProgress& progress)
      : downloads_(downloads),
        place_(place),
        thread_([this, &ctx, &progress] { pipe_.Finish(Fetch(ctx, progress)); }) {}

  Result<size_t> Read(const Context& ctx, std::span<char> buffer) { return pipe_.Read(ctx, buffer); }

  /// Waits for the last byte; what came whole is kept.
  void Finish() {
    pipe_.Close();
    thread_.join();
    if (!whole_) return;
    const Status status = ingest_->Commit(&lease_).status();
    if (!status.ok()) spdlog::warn("keep a downloaded layer: {}", status.message());
  }

 private:
  Status Fetch(const Context& ctx, const VertexProgress& progress) {
    SLIPWAY_ASSIGN_OR_RETURN(lease_, downloads_.content_.NewLease("a download"));
    SLIPWAY_ASSIGN_OR_RETURN(ingest_, downloads_.Begin(place_));
    const auto sink = [&](std::string_view bytes) -> Status {
      SLIPWAY_RETURN_IF_ERROR(ingest_->Write(bytes));
      // A reader that failed or needs no more must not end the download: the blob is kept.
      if (reading_ && !pipe_.Write(ctx, bytes).ok()) reading_ = false;
      return ctx.Err();
    };
    Status status = downloads_.fetch_(ctx, place_, sink, progress);
    if (status.ok()) status = Verify(*ingest_, place_);
    whole_ = status.ok();
    return status;
  }

  Downloads& downloads_;
  const Remote& place_;
  BytePipe pipe_;
  content::Lease lease_;
  std::unique_ptr<content::Ingest> ingest_;
  bool reading_ = true;
  bool whole_ = false;
  std::jthread thread_;  // last: it uses the others
};

Result<std::unique_ptr<content::Ingest>> Downloads::Begin(const Remote& place) {
  return content_.Begin({.expected = place.descriptor.digest,
                         .max_size = place.descriptor.size,
                         .durable = content::Durable::kSoon});  // it can be fetched again
}

Status Downloads::Fetched(const Context& ctx, const Remote& place, const VertexProgress& progress) {
  SLIPWAY_ASSIGN_OR_RETURN(content::Lease lease, content_.NewLease("a download"));
  SLIPWAY_ASSIGN_OR_RETURN(const auto ingest, Begin(place));
  const auto sink = [&](std::string_view bytes) { return ingest->Write(bytes); };
  SLIPWAY_RETURN_IF_ERROR(fetch_(ctx, place, sink, progress));
  SLIPWAY_RETURN_IF_ERROR(Verify(*ingest, place));
  return ingest->Commit(&lease).status();
}

Status Downloads::Ensure(const Context& ctx, const std::vector<Remote>& places, const VertexProgress& progress) {
  Status last = NotFound("no registry is known to have the layer");
  for (const Remote& place : places) {
    if (content_.Has(place.descriptor.digest)) return Status();
    const auto work = [&]() -> Result<bool> {
      if (content_.Has(place.descriptor.digest)) return true;
      SLIPWAY_RETURN_IF_ERROR(Fetched(ctx, place, progress));
      return true;
    };
    last = flights_.Do(ctx, place.descriptor.digest.ToString(), work).status();
    if (last.ok() || ctx.Done()) return last;
  }
  return last;
}

Status Downloads::Stream(const Context& ctx, const Remote& place, const VertexProgress& progress,
                         const std::function<void(const ByteSource&)>& use) {
  const auto work = [&]() -> Result<bool> {
    Streamed download(*this, ctx, place, progress);
    use([&](std::span<char> buffer) { return download.Read(ctx, buffer); });
    download.Finish();
    return true;
  };
  return flights_.Do(ctx, place.descriptor.digest.ToString(), work).status();
}

// The status of `use`, if the content store has the blob from one of the places.
std::optional<Status> Downloads::ReadHere(const std::vector<Remote>& places, const Use& use) {
  for (const Remote& place : places) {
    if (!content_.Has(place.descriptor.digest)) continue;
    const auto blob = content_.Open(place.descriptor.digest);
    if (!blob.ok()) continue;
    const auto compression = oci::LayerCompression(place.descriptor.media_type);
    return compression.ok() ? use(ReadBlob(*blob), *compression) : compression.status();
  }
  return std::nullopt;
}

Status Downloads::Read(const Context& ctx, const std::vector<Remote>& places, const VertexProgress& progress,
                       const Use& use) {
  if (places.empty()) return NotFound("no registry is known to have the layer");
  if (std::optional<Status> read = ReadHere(places, use)) return *std::move(read);
  // If the first place fails the others are tried, one after the other, into the store.
  const Remote& first = places.front();
  SLIPWAY_ASSIGN_OR_RETURN(const oci::Compression compression, oci::LayerCompression(first.descriptor.media_type));
  std::optional<Status> streamed;
  SLIPWAY_RETURN_IF_ERROR(
      Stream(ctx, first, progress, [&](const ByteSource& source) { streamed = use(source, compression); }));
  if (streamed && (streamed->ok() || ctx.Done())) return *std::move(streamed);
  // The bytes are right, the layer is not.
  if (streamed && content_.Has(first.descriptor.digest)) return *std::move(streamed);
  SLIPWAY_RETURN_IF_ERROR(Ensure(ctx, places, progress));
  if (std::optional<Status> read = ReadHere(places, use)) return *std::move(read);
  return NotFound("blob '{}' vanished while it was used", first.descriptor.digest);
}

}  // namespace slipway::layer
