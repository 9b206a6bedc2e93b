#include "daemon/services/agents_service.h"

#include "daemon/services/status.h"

namespace slipway::services {

namespace v1 = ::slipway::v1;

namespace {

using Reactor = grpc::ServerBidiReactor<v1::ForwardAgentsRequest, v1::ForwardAgentsResponse>;

class RefusedCall : public Reactor {
 public:
  explicit RefusedCall(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

}  // namespace

Reactor* AgentsService::ForwardAgents(grpc::CallbackServerContext*) {
  if (closing_) return new RefusedCall(Refuse(Unavailable("the daemon is stopping"), "SHUTTING_DOWN"));
  if (streams_.fetch_add(1) >= max_streams_) {
    streams_.fetch_sub(1);
    return new RefusedCall(Refuse(ResourceExhausted("too many clients forward SSH agents"), "TOO_MANY_STREAMS"));
  }
  auto stream = std::make_shared<AgentStream>(hub_, runs_, [this] { streams_.fetch_sub(1); });
  stream->Begin(stream);
  return stream.get();
}

void AgentsService::EndStreams() {
  closing_ = true;
  hub_.EndAll(Unavailable("the daemon is stopping"));
}

}  // namespace slipway::services
