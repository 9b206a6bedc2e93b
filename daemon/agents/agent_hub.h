// AgentHub: the meeting place of runs that have questions for SSH agents and the clients that answer them.
//
// A run is known from Open to Close; in between one client at a time is attached to it, the newest. Questions wait a
// moment for a client that is not there (it may be on its way, or connecting anew). Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "executor/base/context.h"
#include "executor/base/ssh_agent.h"
#include "executor/base/status.h"

namespace slipway::agents {

struct Question {
  uint64_t number = 0;  ///< unique for the client
  std::string id;       ///< of the agent
  std::string message;
};

/// A client that answers. Called without locks of the hub held.
class AgentClient {
 public:
  virtual ~AgentClient() = default;
  /// Must not block. The answer comes by AgentHub::Answer; a client that cannot answer any more detaches itself.
  virtual void Ask(const Question& question) = 0;
  /// It is not needed any more: OK when the run has ended, ABORTED when another has taken its place.
  virtual void End(const Status& why) = 0;
};

class AgentHub {
 public:
  /// How long a question waits for a client.
  explicit AgentHub(std::chrono::milliseconds patience = std::chrono::seconds(30)) : patience_(patience) {}

  /// What the executor asks by while the run is executed. The hub must outlive it.
  std::shared_ptr<AgentChannel> Open(const std::string& run_id);
  /// The run has ended: its client ends, its questions fail.
  void Close(const std::string& run_id);

  /// Makes `client` the one that is asked; returns what it is known by. It may come before Open.
  uint64_t Attach(const std::string& run_id, std::shared_ptr<AgentClient> client);
  /// The client is gone; its open questions fail with UNAVAILABLE. Nothing if another has taken its place.
  void Detach(const std::string& run_id, uint64_t attachment);
  /// Nothing if nobody waits for it any more.
  void Answer(const std::string& run_id, uint64_t number, Result<std::string> answer);

  /// Ends all clients with `why`, those that come later too: the daemon stops.
  void EndAll(const Status& why);

 private:
  class Channel;
  struct Pending {
    uint64_t attachment = 0;
    std::unique_ptr<Result<std::string>> answer;
  };
  struct Run {
    std::shared_ptr<AgentClient> client;  ///< null: none is attached
    uint64_t attachment = 0;
    std::map<uint64_t, Pending> pending;
    bool opened = false;  ///< one that is not is forgotten with its client
  };

  Result<std::string> Ask(const Context& ctx, const std::string& run_id, const std::string& id,
                          const std::string& message);
  void FailPending(Run& run, uint64_t attachment, const Status& why);
  void ForgetIfIdle(const std::string& run_id);

  const std::chrono::milliseconds patience_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, Run> runs_;  // guarded by mutex_
  uint64_t next_number_ = 1;         // guarded by mutex_; of questions and attachments
  std::optional<Status> over_;       // guarded by mutex_; why all clients were ended
};

}  // namespace slipway::agents
