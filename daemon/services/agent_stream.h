// AgentStream: one client that answers the questions of a run for SSH agents (SshAgents.ForwardAgents), on gRPC's
// callback API: it has no thread of its own.
#pragma once

#include <grpcpp/grpcpp.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "daemon/agents/agent_hub.h"
#include "daemon/store/run_store.h"
#include "slipway/v1/ssh_agents.pb.h"

namespace slipway::services {

class AgentStream
    : public grpc::ServerBidiReactor<slipway::v1::ForwardAgentsRequest, slipway::v1::ForwardAgentsResponse>,
      public agents::AgentClient {
 public:
  /// Owns itself until the call is over; `on_done` is called then. A run may hold it longer, and what `on_done` refers
  /// to may be gone by that time. Begin() must be called once.
  AgentStream(agents::AgentHub& hub, store::RunStore& runs, std::function<void()> on_done)
      : hub_(hub), runs_(runs), on_done_(std::move(on_done)) {}

  /// `self` owns this object.
  void Begin(std::shared_ptr<AgentStream> self);

  void Ask(const agents::Question& question) override;
  void End(const Status& why) override;

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  // What is wrong with a message; OK after it was dealt with.
  grpc::Status Take(const slipway::v1::ForwardAgentsRequest& request);
  grpc::Status Accept(const std::string& run_id);
  void Write(slipway::v1::ForwardAgentsResponse response);
  void EndWith(grpc::Status status);
  void Leave();

  agents::AgentHub& hub_;
  store::RunStore& runs_;
  const std::function<void()> on_done_;
  std::shared_ptr<AgentStream> self_;
  slipway::v1::ForwardAgentsRequest request_;  // of the read that is under way

  std::mutex mutex_;
  std::string run_id_;  // guarded by mutex_, as all below; "" before the offer
  uint64_t attachment_ = 0;
  std::deque<slipway::v1::ForwardAgentsResponse> outgoing_;  // the first is being written if writing_
  bool writing_ = false;
  bool ending_ = false;    // finish once nothing is being written
  bool finished_ = false;  // Finish was called
  grpc::Status end_;
};

}  // namespace slipway::services
