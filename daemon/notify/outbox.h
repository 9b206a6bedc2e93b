// Outbox: sends what is to be told of runs to receivers and git hosts, from the store, until they have it.
//
// Each receiver is a lane with a thread of its own, and all statuses of commits are one: a receiver that is slow or
// gone keeps nobody else waiting. An attempt that fails is repeated, with pauses that double from five seconds to an
// hour, for a day; then the notification is dead, and somebody may revive it. What was sent right before a crash may be
// sent again with the same id.
//
// Life: construct, Start, Wake (from any thread); the destructor ends the threads and what they send.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "daemon/notify/settings.h"
#include "daemon/store/notification_store.h"
#include "executor/base/clock.h"
#include "executor/base/context.h"
#include "executor/http/transport.h"

namespace slipway::notify {

class Outbox {
 public:
  struct Parts {
    store::NotificationStore& store;
    http::Transport& transport;
    const Clock& clock;
    std::vector<Target> targets;
    /// The token with which statuses of a task's trigger are posted. "": there is none any more.
    std::function<Result<std::string>(const std::string& task, const std::string& trigger)> status_token;
  };

  explicit Outbox(Parts parts);
  ~Outbox();
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  /// Begins to send; what a crash left comes first. What is for receivers that the configuration names no more dies.
  Status Start();
  /// There may be something new. Cheap.
  void Wake();

  /// Sends what is due in a lane. When the next is due; nullopt if nothing waits. For the threads, and for tests.
  std::optional<SystemTime> SendDue(const std::string& lane);

 private:
  struct Outcome {
    enum class Kind { kSent, kAgain, kDead } kind = Kind::kSent;
    std::string error;
    std::chrono::seconds least_pause{0};  ///< as the receiver asks for
  };
  void Work(const std::string& lane);
  Status SendOne(const store::Notification& notification);
  Result<http::Request> MakeRequest(const store::Notification& notification) const;
  Outcome Attempt(const store::Notification& notification);
  Status Record(const store::Notification& notification, const Outcome& outcome);
  std::chrono::seconds Pause(const store::Notification& notification, const Outcome& outcome) const;

  const Parts parts_;
  const Context ctx_ = Context::Background().Child();
  std::vector<std::string> lanes_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  uint64_t wakes_ = 0;  // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace slipway::notify
