// SSH's agent protocol, as far as something that passes it on must know it: messages with a length in front, and which
// requests only use keys. Follows draft-miller-ssh-agent. Pure but for reading and writing.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "executor/base/context.h"
#include "executor/base/status.h"

namespace slipway {

/// Longest message that is passed on, without its length; OpenSSH's own bound.
inline constexpr size_t kMaxAgentMessage = 256U << 10;

/// Answers requests of the agent protocol somewhere else: at the client of a build. Thread-safe.
class AgentChannel {
 public:
  virtual ~AgentChannel() = default;
  /// What agent `id` answers to `request`, both without their lengths. Blocks. UNAVAILABLE if the client is not (or no
  /// longer) there.
  virtual Result<std::string> Ask(const Context& ctx, const std::string& id, const std::string& request) = 0;
};

/// Reads one message from a socket. "" at its end; CANCELLED with the context; INVALID_ARGUMENT for one that is longer
/// than kMaxAgentMessage or breaks off.
Result<std::string> ReadAgentMessage(const Context& ctx, int fd);
/// Writes `message` with its length in front.
Status WriteAgentMessage(const Context& ctx, int fd, std::string_view message);

/// Whether the request lists keys or signs with one. All else (adding and removing keys, locking, extensions) is not
/// for a build to ask of somebody's agent.
bool IsAgentUse(std::string_view request);
/// What an agent answers to what it does not do.
std::string AgentFailure();

}  // namespace slipway
