#include "daemon/services/event_stream.h"

#include "daemon/services/convert.h"
#include "daemon/services/status.h"

namespace slipway::services {

namespace {
constexpr int kMaxEvents = 512;
constexpr size_t kMaxBytes = 256 << 10;
}  // namespace

EventStream::Step EventStream::Next(slipway::v1::StreamRunEventsResponse* response, grpc::Status* status) {
  if (last_sent_) return Step::kEnd;
  // In this order: what happened before the feed was closed or the state changed is then read for sure.
  const uint64_t version = feed().version();
  const bool open = feed().open();
  const Result<bool> done = AddRecorded(response);
  if (!done.ok()) {
    *status = ToGrpc(done.status());
    return Step::kEnd;
  }
  const bool last = *done && (!open || !follow_);
  if (*done && open) {
    for (const logs::RunEvent& event : feed().ProgressSince(&progress_)) FillEvent(event, response->add_events());
  }
  if (last || version_ != version) {
    if (const Status run = AddRun(response); !run.ok()) {
      *status = ToGrpc(run);
      return Step::kEnd;
    }
    version_ = version;
  }
  last_sent_ = last;
  const bool news = response->events_size() > 0 || response->dropped() > 0 || response->has_run();
  return news ? Step::kWrite : Step::kWait;
}

Result<bool> EventStream::AddRecorded(slipway::v1::StreamRunEventsResponse* response) {
  size_t bytes = 0;
  while (response->events_size() < kMaxEvents && bytes < kMaxBytes) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::optional<logs::RunEvent> event, reader_.Next());
    if (!event) return true;
    if (event->kind == logs::RunEvent::Kind::kDropped) response->set_dropped(response->dropped() + event->number);
    if (event->sequence <= after_ || event->kind >= logs::RunEvent::Kind::kDropped) continue;
    bytes += event->text.size() + event->name.size() + 64;
    FillEvent(*event, response->add_events());
  }
  return false;
}

Status EventStream::AddRun(slipway::v1::StreamRunEventsResponse* response) {
  SLIPWAY_ASSIGN_OR_RETURN(const store::Run run, runs_.Get(run_id_));
  std::optional<uint32_t> position;
  if (run.state == store::RunState::kQueued) {
    SLIPWAY_ASSIGN_OR_RETURN(const store::RunStore::QueueInfo queue, runs_.Queue(run.number));
    position = queue.before;
  }
  *response->mutable_run() = ToMessage(run, position);
  return Status();
}

}  // namespace slipway::services
