// AgentsService: slipway.v1.SshAgents on the hub where runs and clients meet. Thread-safe.
#pragma once

#include <atomic>

#include "daemon/agents/agent_hub.h"
#include "daemon/services/agent_stream.h"
#include "daemon/store/run_store.h"
#include "slipway/v1/ssh_agents.grpc.pb.h"

namespace slipway::services {

class AgentsService final
    : public slipway::v1::SshAgents::WithCallbackMethod_ForwardAgents<slipway::v1::SshAgents::Service> {
 public:
  /// Both must outlive it.
  AgentsService(agents::AgentHub& hub, store::RunStore& runs, int max_streams = 1000)
      : hub_(hub), runs_(runs), max_streams_(max_streams) {}

  grpc::ServerBidiReactor<slipway::v1::ForwardAgentsRequest, slipway::v1::ForwardAgentsResponse>* ForwardAgents(
      grpc::CallbackServerContext* context) override;

  /// Ends all calls; no new ones begin.
  void EndStreams();

 private:
  agents::AgentHub& hub_;
  store::RunStore& runs_;
  const int max_streams_;
  std::atomic<int> streams_{0};
  std::atomic<bool> closing_{false};
};

}  // namespace slipway::services
