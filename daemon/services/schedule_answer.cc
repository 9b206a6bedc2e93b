#include "daemon/services/schedule_answer.h"

#include "daemon/services/convert.h"
#include "daemon/services/status.h"

namespace slipway::services {

std::function<Status()> WhileItWaits(const grpc::ServerContext* context) {
  return [context] { return context->IsCancelled() ? Cancelled("the client is gone") : Status(); };
}

void AnswerRun(const store::Run& run, store::RunStore& store, v1::Run* response) {
  std::optional<uint32_t> position;
  if (run.state == store::RunState::kQueued) {
    if (const auto queue = store.Queue(run.number); queue.ok()) position = queue->before;
  }
  *response = ToMessage(run, position);
}

grpc::Status RefuseRun(const Status& status, const std::string& source, store::RunStore& store,
                       const runs::Dispatcher& dispatcher) {
  if (status.code() == Code::kNotFound) {
    return Refuse(status, "UPLOAD_NOT_FOUND", {{"source_location", task::WithoutSecret(source)}});
  }
  if (status.code() == Code::kUnavailable) return Refuse(status, "SHUTTING_DOWN");
  // The disk may be full as well as the queue.
  const Result<store::RunStore::QueueInfo> queue = store.Queue(0);
  const bool full = queue.ok() && queue->queued >= dispatcher.max_queued();
  return status.code() == Code::kResourceExhausted && full ? Refuse(status, "QUEUE_FULL") : ToGrpc(status);
}

}  // namespace slipway::services
