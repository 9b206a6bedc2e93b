#include "daemon/services/agent_stream.h"

#include "daemon/services/message_check.h"
#include "daemon/services/status.h"

namespace slipway::services {

namespace v1 = ::slipway::v1;

void AgentStream::Begin(std::shared_ptr<AgentStream> self) {
  self_ = std::move(self);
  StartRead(&request_);
}

void AgentStream::OnReadDone(bool ok) {
  if (!ok) {  // half-closed, or the call is over
    Leave();
    return EndWith(grpc::Status::OK);
  }
  if (grpc::Status bad = Take(request_); !bad.ok()) {
    Leave();
    return EndWith(std::move(bad));
  }
  const std::lock_guard lock(mutex_);
  if (finished_) return;
  request_.Clear();
  StartRead(&request_);
}

grpc::Status AgentStream::Take(const v1::ForwardAgentsRequest& request) {
  if (const task::FieldErrors unknown = CheckKnown(request); !unknown.empty()) return BadFields(unknown);
  std::string run_id;
  {
    const std::lock_guard lock(mutex_);
    run_id = run_id_;
  }
  if (run_id.empty()) {
    if (!request.has_offer()) return BadFields({{"offer", "is not set; it must come first"}});
    return Accept(request.offer().run_id());
  }
  if (!request.has_answer()) return BadFields({{"answer", "is not set; only answers follow the offer"}});
  const v1::AgentAnswer& answer = request.answer();
  if (answer.message().size() > kMaxAgentMessage) return BadFields({{"answer.message", "is too long"}});
  if (!answer.error().empty()) {
    hub_.Answer(run_id, answer.number(), Unavailable("the client's SSH agent gives no answer: {}", answer.error()));
  } else if (answer.message().empty()) {
    return BadFields({{"answer.message", "is empty"}});
  } else {
    hub_.Answer(run_id, answer.number(), answer.message());
  }
  return grpc::Status::OK;
}

grpc::Status AgentStream::Accept(const std::string& run_id) {
  if (!store::IsRunId(run_id)) return BadFields({{"offer.run_id", "is not the id of a run"}});
  const Result<store::Run> run = runs_.Get(run_id);
  if (!run.ok()) {
    return run.code() == Code::kNotFound ? Refuse(run.status(), "RUN_NOT_FOUND", {{"run_id", run_id}})
                                         : ToGrpc(run.status());
  }
  if (run->build.inputs.ssh.empty()) {
    return Refuse(FailedPrecondition("run '{}' was scheduled without SSH agents", run_id), "NO_SSH");
  }
  const Status over = FailedPrecondition("run '{}' has ended", run_id);
  if (store::IsFinal(run->state)) return Refuse(over, "RUN_FINISHED", {{"run_id", run_id}});
  v1::ForwardAgentsResponse accepted;
  accepted.mutable_accepted();
  Write(std::move(accepted));
  const uint64_t attachment = hub_.Attach(run_id, self_);
  {
    const std::lock_guard lock(mutex_);
    run_id_ = run_id;
    attachment_ = attachment;
  }
  // It may have ended between the look and the attachment; nobody would then end this call.
  const Result<store::Run> now = runs_.Get(run_id);
  if (now.ok() && store::IsFinal(now->state)) return Refuse(over, "RUN_FINISHED", {{"run_id", run_id}});
  return grpc::Status::OK;
}

void AgentStream::Ask(const agents::Question& question) {
  v1::ForwardAgentsResponse response;
  response.mutable_question()->set_number(question.number);
  response.mutable_question()->set_id(question.id);
  response.mutable_question()->set_message(question.message);
  Write(std::move(response));
}

void AgentStream::Write(v1::ForwardAgentsResponse response) {
  const v1::ForwardAgentsResponse* first = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (ending_) return;
    outgoing_.push_back(std::move(response));
    if (writing_) return;
    writing_ = true;
    first = &outgoing_.front();
  }
  StartWrite(first);
}

void AgentStream::OnWriteDone(bool ok) {
  const v1::ForwardAgentsResponse* next = nullptr;
  bool over = !ok;
  {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    outgoing_.pop_front();
    over |= ending_;
    if (!over && !outgoing_.empty()) {
      writing_ = true;
      next = &outgoing_.front();
    }
  }
  if (next != nullptr) StartWrite(next);
  if (!over) return;
  if (!ok) Leave();
  EndWith(grpc::Status::CANCELLED);  // the first end counts
}

void AgentStream::End(const Status& why) {
  if (why.ok()) return EndWith(grpc::Status::OK);
  if (why.code() == Code::kAborted) return EndWith(Refuse(why, "REPLACED"));
  EndWith(Refuse(why, "SHUTTING_DOWN"));
}

void AgentStream::EndWith(grpc::Status status) {
  {
    const std::lock_guard lock(mutex_);
    if (!ending_) end_ = std::move(status);
    ending_ = true;
    if (writing_ || finished_) return;
    finished_ = true;
    status = end_;
  }
  // The call may be over, and this object gone, as soon as that returns.
  Finish(status);
}

void AgentStream::OnCancel() {
  Leave();
  EndWith(grpc::Status::CANCELLED);
}

void AgentStream::Leave() {
  std::string run_id;
  uint64_t attachment = 0;
  {
    const std::lock_guard lock(mutex_);
    run_id = run_id_;
    attachment = attachment_;
  }
  if (!run_id.empty()) hub_.Detach(run_id, attachment);
}

void AgentStream::OnDone() {
  Leave();
  on_done_();
  self_.reset();
}

}  // namespace slipway::services
