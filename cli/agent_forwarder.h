// AgentForwarder: answers what a run's steps ask the user's SSH agents, over one call to the daemon that it keeps open
// and opens anew while the run lives. Keys are listed and used; what would change an agent is refused.
//
// Works on a thread of its own until it is destroyed.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <thread>

#include "cli/connection.h"
#include "executor/base/context.h"
#include "slipway/v1/ssh_agents.grpc.pb.h"

namespace slipway::cli {

class AgentForwarder {
 public:
  /// `sockets`: of the agents, by id. `note` is told what the user should know. `connection` must outlive it.
  AgentForwarder(Connection& connection, std::string run_id, std::map<std::string, std::string> sockets,
                 std::function<void(std::string_view)> note);
  ~AgentForwarder();
  AgentForwarder(const AgentForwarder&) = delete;
  AgentForwarder& operator=(const AgentForwarder&) = delete;

 private:
  void Work();
  grpc::Status Serve(bool* accepted);
  v1::AgentAnswer Answer(const v1::AgentQuestion& question) const;

  Connection& connection_;
  const std::string run_id_;
  const std::map<std::string, std::string> sockets_;
  const std::function<void(std::string_view)> note_;
  const Context ctx_;
  std::thread thread_;
};

/// What the agent at `socket` answers to `request`; a failure of the protocol for what a build must not ask.
Result<std::string> AskAgent(const Context& ctx, const std::string& socket, const std::string& request);

}  // namespace slipway::cli
