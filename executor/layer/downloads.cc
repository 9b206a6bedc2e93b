#include "executor/layer/downloads.h"

#include <chrono>
#include <memory>
#include <thread>

#include "executor/base/log.h"
#include "executor/layer/pipe.h"

namespace slipway::layer {

/// One blob that is read while it is downloaded.
class Downloads::Streamed {
 public:
  Streamed(Downloads& downloads, const Context& ctx, const Remote& place, const VertexProgress& progress)
      : downloads_(downloads), place_(place), thread_([this, &ctx, &progress] { pipe_.Finish(Fetch(ctx, progress)); }) {}

  Result<size_t> Read(const Context& ctx, std::span<char> buffer) { return pipe_.Read(ctx, buffer); }

  /// Waits for the last byte, and has the blob committed behind.
  void Finish() {
    pipe_.Close();
    thread_.join();
    if (!whole_) return;
    auto commit = [ingest = std::move(ingest_), lease = std::make_shared<content::Lease>(std::move(lease_))]() mutable {
      const Status status = ingest->Commit(lease.get()).status();
      if (!status.ok()) spdlog::warn("keep a downloaded layer: {}", status.message());
      // What has ended may be known here for long.
      ingest.reset();
      lease.reset();
    };
    (*downloads_.commits_.Lock())[place_.descriptor.digest] =
        std::async(std::launch::async, std::move(commit)).share();
  }

 private:
  Status Fetch(const Context& ctx, const VertexProgress& progress) {
    SLIPWAY_ASSIGN_OR_RETURN(lease_, downloads_.content_.NewLease("a download"));
    SLIPWAY_ASSIGN_OR_RETURN(ingest_, downloads_.content_.Begin({.expected = place_.descriptor.digest,
                                                                 .max_size = place_.descriptor.size}));
    const auto sink = [&](std::string_view bytes) -> Status {
      SLIPWAY_RETURN_IF_ERROR(ingest_->Write(bytes));
      // A reader that failed or needs no more must not end the download: the blob is kept.
      if (reading_ && !pipe_.Write(ctx, bytes).ok()) reading_ = false;
      return ctx.Err();
    };
    Status status = downloads_.fetch_(ctx, place_, sink, progress);
    whole_ = status.ok();
    return status;
  }

  Downloads& downloads_;
  const Remote& place_;
  BytePipe pipe_;
  content::Lease lease_;
  std::shared_ptr<content::Ingest> ingest_;
  bool reading_ = true;
  bool whole_ = false;
  std::jthread thread_;  // last: it uses the others
};

bool Downloads::Has(const Digest& blob) {
  std::shared_future<void> commit;
  {
    auto commits = commits_.Lock();
    if (const auto found = commits->find(blob); found != commits->end()) commit = found->second;
  }
  if (commit.valid()) {
    commit.wait();
    auto commits = commits_.Lock();
    const auto found = commits->find(blob);
    const auto ended = [](const auto& future) {
      return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    };
    if (found != commits->end() && ended(found->second)) commits->erase(found);
  }
  return content_.Has(blob);
}

Status Downloads::Fetched(const Context& ctx, const Remote& place, const VertexProgress& progress) {
  SLIPWAY_ASSIGN_OR_RETURN(content::Lease lease, content_.NewLease("a download"));
  SLIPWAY_ASSIGN_OR_RETURN(
      auto ingest, content_.Begin({.expected = place.descriptor.digest, .max_size = place.descriptor.size}));
  const auto sink = [&](std::string_view bytes) { return ingest->Write(bytes); };
  SLIPWAY_RETURN_IF_ERROR(fetch_(ctx, place, sink, progress));
  return ingest->Commit(&lease).status();
}

Status Downloads::Ensure(const Context& ctx, const std::vector<Remote>& places, const VertexProgress& progress) {
  Status last = NotFound("no registry is known to have the layer");
  for (const Remote& place : places) {
    if (Has(place.descriptor.digest)) return Status();
    const auto work = [&]() -> Result<bool> {
      if (Has(place.descriptor.digest)) return true;
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

}  // namespace slipway::layer
