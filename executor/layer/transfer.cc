#include "executor/layer/transfer.h"

#include <pthread.h>

#include <algorithm>

#include "executor/base/caught.h"

namespace slipway::layer {

class Transfer::Told : public ProgressSink {
 public:
  explicit Told(Transfer& transfer) : transfer_(transfer) {}
  void OnEvent(const ProgressEvent& event) override { transfer_.Tell(event); }

 private:
  Transfer& transfer_;
};

Transfer::Listener::Listener(Transfer& transfer, const VertexProgress& progress)
    : transfer_(transfer), progress_(progress) {
  transfer_.listeners_.Lock()->push_back(&progress_);
}

Transfer::Listener::~Listener() { std::erase(*transfer_.listeners_.Lock(), &progress_); }

Transfer::Transfer(content::Store& content, const Fetch& fetch, Remote place)
    : content_(content), fetch_(fetch), place_(std::move(place)), thread_([this] { Run(); }) {
  pthread_setname_np(thread_.native_handle(), "download");
}

Transfer::~Transfer() {
  ctx_.Cancel(Cancelled("nobody waits for the download any more"));
  thread_.join();
}

void Transfer::Tell(const ProgressEvent& event) {
  auto listeners = listeners_.Lock();
  for (const VertexProgress* listener : *listeners) {
    if (event.kind == ProgressEvent::Kind::kProgress) listener->Count(event.what, event.current, event.total);
    if (event.kind == ProgressEvent::Kind::kNote) listener->Note(event.text);
    if (event.kind == ProgressEvent::Kind::kWarning) listener->Warning(event.text, event.detail);
  }
}

void Transfer::Run() {
  Status status = Caught("the download", [this] { return Download(); });
  {
    std::lock_guard lock(mutex_);
    end_ = status;
  }
  changed_.notify_all();
  if (status.ok()) status = Caught("the download", [this] { return ingest_->Commit(&lease_).status(); });
  ingest_.reset();
  {
    std::lock_guard lock(mutex_);
    stored_ = std::move(status);
  }
  changed_.notify_all();
}

Status Transfer::Download() {
  SLIPWAY_ASSIGN_OR_RETURN(lease_, content_.NewLease("a download"));
  SLIPWAY_ASSIGN_OR_RETURN(ingest_, content_.Begin({.expected = place_.descriptor.digest,
                                                    .max_size = place_.descriptor.size,
                                                    .durable = content::Durable::kSoon}));  // it can be fetched again
  Told told(*this);
  const VertexProgress progress(&told, "", "");
  SLIPWAY_RETURN_IF_ERROR(fetch_(
      ctx_, place_, [this](std::string_view bytes) { return Take(bytes); }, progress));
  SLIPWAY_RETURN_IF_ERROR(
      ingest_->Verify().With(fmt::format("fetch blob '{}/{}@{}': it was damaged on the way or in the registry",
                                         place_.host, place_.repository, place_.descriptor.digest)));
  return Show();
}

Status Transfer::Take(std::string_view bytes) {
  SLIPWAY_RETURN_IF_ERROR(ctx_.Err());
  SLIPWAY_RETURN_IF_ERROR(ingest_->Write(bytes));
  hidden_ += bytes.size();
  // Readers that are behind anyway are told now and then: going to and fro costs more than the bytes.
  constexpr uint64_t kWorthTelling = 256U << 10;
  bool hungry = false;
  {
    std::lock_guard lock(mutex_);
    hungry = hungry_ > 0;
  }
  return hungry || hidden_ >= kWorthTelling ? Show() : Status();
}

Status Transfer::Show() {
  SLIPWAY_ASSIGN_OR_RETURN(content::Blob written, ingest_->Written());
  hidden_ = 0;
  {
    std::lock_guard lock(mutex_);
    shown_ = std::move(written);
  }
  changed_.notify_all();
  return Status();
}

Result<size_t> Transfer::ReadAt(const Context& ctx, std::span<char> buffer, uint64_t position) {
  content::Blob shown;
  {
    std::unique_lock lock(mutex_);
    if (shown_.size() <= position && !end_) {
      ++hungry_;
      const Status waited = ctx.Wait(lock, changed_, [&] { return end_ || shown_.size() > position; });
      --hungry_;
      SLIPWAY_RETURN_IF_ERROR(waited);
    }
    if (shown_.size() <= position) return end_->ok() ? Result<size_t>(size_t{0}) : *end_;
    shown = shown_;
  }
  return shown.ReadAt(buffer, position);
}

Status Transfer::Wait(const Context& ctx) {
  std::unique_lock lock(mutex_);
  SLIPWAY_RETURN_IF_ERROR(ctx.Wait(lock, changed_, [this] { return stored_.has_value(); }));
  return *stored_;
}

bool Transfer::failed() {
  std::lock_guard lock(mutex_);
  return (end_ && !end_->ok()) || (stored_ && !stored_->ok());
}

}  // namespace slipway::layer
