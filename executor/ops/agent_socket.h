// AgentSocket: a unix socket whose programs talk to an SSH agent that is elsewhere (AgentChannel). Listing keys and
// signing pass; whatever would change the agent is refused here.
//
// Life: Listen; programs come and go on threads of its own; the destructor ends them all and removes the socket.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "executor/base/context.h"
#include "executor/base/ssh_agent.h"
#include "executor/base/status.h"

namespace slipway::ops {

class AgentSocket {
 public:
  struct Options {
    std::string id;  ///< of the agent
    mode_t mode = 0600;
    uid_t uid = 0;
    gid_t gid = 0;
  };

  /// Makes the socket at `path`, whose folder must be short enough for one. `ctx` ends its work too.
  static Result<std::unique_ptr<AgentSocket>> Listen(const Context& ctx, const std::string& path, Options options,
                                                     std::shared_ptr<AgentChannel> channel);
  ~AgentSocket();
  AgentSocket(const AgentSocket&) = delete;
  AgentSocket& operator=(const AgentSocket&) = delete;

  const std::string& path() const;
  /// The first failure to get an answer from the agent; OK if there was none. What programs make of it is their own
  /// words only.
  Status trouble() const;

 private:
  class Impl;
  explicit AgentSocket(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Asks the agent for its keys, to find out whether it is there.
Status ProbeAgent(const Context& ctx, AgentChannel& channel, const std::string& id);

}  // namespace slipway::ops
