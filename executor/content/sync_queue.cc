#include "executor/content/sync_queue.h"

#include <utility>

namespace slipway::content {

Status SyncQueue::Add(StagedFile& file) {
  constexpr uint64_t kWorthAThread = 4U << 20;
  SLIPWAY_RETURN_IF_ERROR(file.EndWriting());
  waiting_.push_back(&file);
  const bool full = waiting_.size() >= kMostWaiting;
  if (thread_ == nullptr) {
    if (file.size() < kWorthAThread && !full) return Status();
    thread_ = std::make_unique<SideThread>();
  }
  if (thread_->busy() && !full) return Status();
  SLIPWAY_RETURN_IF_ERROR(End());
  Begin();
  return Status();
}

void SyncQueue::Begin() {
  under_way_ = std::exchange(waiting_, {});
  thread_->Begin([this] {
    for (StagedFile* file : under_way_) {
      if (Status status = file->Sync(); !status.ok()) status_ = std::move(status);
    }
  });
}

Status SyncQueue::End() {
  if (thread_ != nullptr) thread_->Wait();
  for (StagedFile* file : std::exchange(under_way_, {})) file->Close();
  return status_;
}

Status SyncQueue::Finish() {
  SLIPWAY_RETURN_IF_ERROR(End());
  for (StagedFile* file : std::exchange(waiting_, {})) {
    SLIPWAY_RETURN_IF_ERROR(file->Sync());
    file->Close();
  }
  return Status();
}

}  // namespace slipway::content
