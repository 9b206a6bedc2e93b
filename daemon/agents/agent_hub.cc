#include "daemon/agents/agent_hub.h"

#include <vector>

namespace slipway::agents {

namespace {
Status NoClient(const std::string& id) {
  return Unavailable(
      "SSH agent '{}' cannot be reached: the client that forwards it is not connected (it must stay until "
      "the run has ended)",
      id);
}
}  // namespace

class AgentHub::Channel : public AgentChannel {
 public:
  Channel(AgentHub& hub, std::string run_id) : hub_(hub), run_id_(std::move(run_id)) {}
  Result<std::string> Ask(const Context& ctx, const std::string& id, const std::string& request) override {
    return hub_.Ask(ctx, run_id_, id, request);
  }

 private:
  AgentHub& hub_;
  const std::string run_id_;
};

std::shared_ptr<AgentChannel> AgentHub::Open(const std::string& run_id) {
  const std::lock_guard lock(mutex_);
  runs_[run_id].opened = true;
  return std::make_shared<Channel>(*this, run_id);
}

void AgentHub::Close(const std::string& run_id) {
  std::shared_ptr<AgentClient> client;
  {
    const std::lock_guard lock(mutex_);
    const auto it = runs_.find(run_id);
    if (it == runs_.end()) return;
    FailPending(it->second, it->second.attachment, Cancelled("the run has ended"));
    client = std::move(it->second.client);
    runs_.erase(it);
    changed_.notify_all();
  }
  if (client != nullptr) client->End(Status());
}

uint64_t AgentHub::Attach(const std::string& run_id, std::shared_ptr<AgentClient> client) {
  std::shared_ptr<AgentClient> former;
  const std::shared_ptr<AgentClient> fresh = client;
  std::optional<Status> over;
  uint64_t attachment = 0;
  {
    const std::lock_guard lock(mutex_);
    over = over_;
    Run& run = runs_[run_id];
    FailPending(run, run.attachment, Unavailable("the client that forwards the SSH agent has connected anew"));
    former = std::exchange(run.client, std::move(client));
    attachment = run.attachment = next_number_++;
    changed_.notify_all();
  }
  if (former != nullptr) former->End(Aborted("a newer call forwards the agents of run '{}'", run_id));
  // It came after the others were ended, and nobody would end it.
  if (over) fresh->End(*over);
  return attachment;
}

void AgentHub::Detach(const std::string& run_id, uint64_t attachment) {
  std::shared_ptr<AgentClient> former;  // let go outside of the lock
  const std::lock_guard lock(mutex_);
  const auto it = runs_.find(run_id);
  if (it == runs_.end() || it->second.attachment != attachment) return;
  former = std::move(it->second.client);
  FailPending(it->second, attachment, Unavailable("the client that forwards the SSH agent has gone"));
  changed_.notify_all();
  ForgetIfIdle(run_id);
}

void AgentHub::ForgetIfIdle(const std::string& run_id) {
  const auto it = runs_.find(run_id);
  if (it != runs_.end() && it->second.client == nullptr && !it->second.opened) runs_.erase(it);
}

void AgentHub::FailPending(Run& run, uint64_t attachment, const Status& why) {
  for (auto& [number, pending] : run.pending) {
    if (pending.attachment != attachment || pending.answer != nullptr) continue;
    pending.answer = std::make_unique<Result<std::string>>(why);
  }
}

void AgentHub::Answer(const std::string& run_id, uint64_t number, Result<std::string> answer) {
  const std::lock_guard lock(mutex_);
  const auto run = runs_.find(run_id);
  if (run == runs_.end()) return;
  const auto pending = run->second.pending.find(number);
  if (pending == run->second.pending.end() || pending->second.answer != nullptr) return;
  pending->second.answer = std::make_unique<Result<std::string>>(std::move(answer));
  changed_.notify_all();
}

void AgentHub::EndAll(const Status& why) {
  std::vector<std::shared_ptr<AgentClient>> clients;
  {
    const std::lock_guard lock(mutex_);
    over_ = why;
    for (auto& [id, run] : runs_) {
      if (run.client != nullptr) clients.push_back(run.client);
    }
  }
  for (const auto& client : clients) client->End(why);
}

Result<std::string> AgentHub::Ask(const Context& ctx, const std::string& run_id, const std::string& id,
                                  const std::string& message) {
  std::unique_lock lock(mutex_);
  const auto client_of = [&]() -> std::shared_ptr<AgentClient> {
    const auto it = runs_.find(run_id);
    return it == runs_.end() ? nullptr : it->second.client;
  };
  const auto closed = [&] { return !runs_.contains(run_id); };
  const Context patience = ctx.WithTimeout(patience_, "waiting for the client");
  const Status there = patience.Wait(lock, changed_, [&] { return closed() || client_of() != nullptr; });
  SLIPWAY_RETURN_IF_ERROR(ctx.Err());
  if (!there.ok() || closed()) return NoClient(id);

  const std::shared_ptr<AgentClient> client = client_of();
  const uint64_t number = next_number_++;
  runs_[run_id].pending[number] = {.attachment = runs_[run_id].attachment, .answer = nullptr};
  lock.unlock();
  client->Ask({.number = number, .id = id, .message = message});
  lock.lock();

  const auto answered = [&] {
    const auto run = runs_.find(run_id);
    return run == runs_.end() || run->second.pending.at(number).answer != nullptr;
  };
  const Status waited = ctx.Wait(lock, changed_, answered);
  const auto run = runs_.find(run_id);
  if (run == runs_.end()) return Cancelled("the run has ended");
  const auto node = run->second.pending.extract(number);
  SLIPWAY_RETURN_IF_ERROR(waited);
  return *std::move(node.mapped().answer);
}

}  // namespace slipway::agents
