#include "daemon/services/step_log_stream.h"

#include <algorithm>

#include "daemon/services/status.h"

namespace slipway::services {

namespace {
constexpr size_t kPiece = 64 << 10;
}

Result<bool> StepLogStream::ReadMore() {
  SLIPWAY_ASSIGN_OR_RETURN(const std::optional<logs::RunEvent> event, reader_.Next());
  if (!event) return false;
  // Vertices of an attempt before mean nothing any more.
  if (event->kind == logs::RunEvent::Kind::kAttemptStarted) {
    text_ += renderer_.Finish();
    renderer_ = logs::LogText();
    renderer_.ForOneStep();
  }
  if (event->step != step_id_) return true;
  seen_ = true;
  text_ += renderer_.Render(*event);
  return true;
}

StepLogStream::Step StepLogStream::Next(slipway::v1::StreamRunLogResponse* response, grpc::Status* status) {
  if (last_sent_) return Step::kEnd;
  // In this order: what was written before the feed was closed is then read for sure.
  const bool open = feed().open();
  bool more = true;
  while (more && text_.size() < kPiece) {
    const Result<bool> read = ReadMore();
    if (!read.ok()) {
      *status = ToGrpc(read.status());
      return Step::kEnd;
    }
    more = *read;
    if (!more && !(open && follow_)) text_ += renderer_.Finish();
    const size_t skipped = std::min<uint64_t>(text_.size(), from_ - std::min(from_, offset_));
    text_.erase(0, skipped);
    offset_ += skipped;
  }
  if (!text_.empty()) {
    const size_t size = std::min(text_.size(), kPiece);
    response->set_offset(offset_);
    response->set_data(text_.substr(0, size));
    text_.erase(0, size);
    offset_ += size;
    return Step::kWrite;
  }
  if (open && follow_) return Step::kWait;
  return Last(response, status);
}

StepLogStream::Step StepLogStream::Last(slipway::v1::StreamRunLogResponse* response, grpc::Status* status) {
  const Result<store::Run> run = runs_.Get(run_id_);
  if (!run.ok()) {
    *status = ToGrpc(run.status());
    return Step::kEnd;
  }
  const bool known = seen_ || std::any_of(run->result.steps.begin(), run->result.steps.end(),
                                          [this](const store::Step& step) { return step.id == step_id_; });
  if (store::IsFinal(run->state) && !known) {
    *status =
        Refuse(NotFound("run '{}' has no step '{}'", run_id_, step_id_), "STEP_NOT_FOUND", {{"step_id", step_id_}});
    return Step::kEnd;
  }
  response->set_offset(offset_);
  response->set_complete(store::IsFinal(run->state) && !feed().open());
  response->set_status(static_cast<slipway::v1::RunStatus>(run->state));
  last_sent_ = true;
  return Step::kWrite;
}

}  // namespace slipway::services
