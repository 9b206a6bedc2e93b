#include "cli/agent_forwarder.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <chrono>

#include "executor/base/ssh_agent.h"
#include "executor/base/unique_fd.h"

namespace slipway::cli {

namespace {

constexpr std::chrono::milliseconds kFirstWait{100};
constexpr std::chrono::milliseconds kLongestWait{5000};
// Somebody may have to touch a token or to confirm.
constexpr std::chrono::minutes kAnswerTimeout{2};

bool MayComeBack(grpc::StatusCode code) {
  return code == grpc::StatusCode::UNAVAILABLE || code == grpc::StatusCode::UNKNOWN ||
         code == grpc::StatusCode::CANCELLED;
}

// What ends the forwarding as it should: the run has ended, or another call has taken over.
bool IsQuiet(grpc::StatusCode code) {
  return code == grpc::StatusCode::OK || code == grpc::StatusCode::ABORTED ||
         code == grpc::StatusCode::FAILED_PRECONDITION;
}

}  // namespace

Result<std::string> AskAgent(const Context& ctx, const std::string& socket, const std::string& request) {
  if (!IsAgentUse(request)) return AgentFailure();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() >= sizeof(address.sun_path)) return InvalidArgument("'{}' is too long for a socket", socket);
  socket.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoStatus(errno, "make a socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return ErrnoStatus(errno, fmt::format("connect to the agent at '{}'", socket));
  }
  const Context patience = ctx.WithTimeout(kAnswerTimeout, "the agent's answer");
  SLIPWAY_RETURN_IF_ERROR(WriteAgentMessage(patience, fd.get(), request));
  SLIPWAY_ASSIGN_OR_RETURN(std::string answer, ReadAgentMessage(patience, fd.get()));
  if (answer.empty()) return Unavailable("the agent at '{}' hung up", socket);
  return answer;
}

AgentForwarder::AgentForwarder(Connection& connection, std::string run_id, std::map<std::string, std::string> sockets,
                               std::function<void(std::string_view)> note)
    : connection_(connection),
      run_id_(std::move(run_id)),
      sockets_(std::move(sockets)),
      note_(std::move(note)),
      ctx_(Context::Background().Child()),
      thread_([this] { Work(); }) {}

AgentForwarder::~AgentForwarder() {
  ctx_.Cancel(Cancelled("the run is not followed any more"));
  thread_.join();
}

void AgentForwarder::Work() {
  std::chrono::milliseconds wait = kFirstWait;
  while (!ctx_.Done()) {
    bool accepted = false;
    const grpc::Status status = Serve(&accepted);
    if (ctx_.Done() || IsQuiet(status.error_code())) return;
    if (!MayComeBack(status.error_code())) {
      note_("slipway: " + connection_.Failure(status, "forward the SSH agent").message());
      return;
    }
    if (accepted) wait = kFirstWait;
    if (!ctx_.Sleep(wait).ok()) return;
    wait = std::min(wait * 2, kLongestWait);
  }
}

grpc::Status AgentForwarder::Serve(bool* accepted) {
  Call call(ctx_);
  const auto stream = connection_.ssh_agents().ForwardAgents(call.context());
  v1::ForwardAgentsRequest request;
  request.mutable_offer()->set_run_id(run_id_);
  v1::ForwardAgentsResponse response;
  bool open = stream->Write(request);
  while (open && stream->Read(&response)) {
    *accepted = true;
    if (!response.has_question()) continue;
    *request.mutable_answer() = Answer(response.question());
    open = stream->Write(request);
  }
  return stream->Finish();
}

v1::AgentAnswer AgentForwarder::Answer(const v1::AgentQuestion& question) const {
  v1::AgentAnswer out;
  out.set_number(question.number());
  const auto socket = sockets_.find(question.id());
  const Result<std::string> answer = socket == sockets_.end() ? NotFound("there is no agent '{}'", question.id())
                                                              : AskAgent(ctx_, socket->second, question.message());
  if (answer.ok()) {
    out.set_message(*answer);
  } else {
    out.set_error(answer.status().message());
  }
  return out;
}

}  // namespace slipway::cli
