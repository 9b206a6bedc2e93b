// SlowClients: ends connections whose request does not come to its end in time, with 408 where one has begun.
//
// It knows connections by their sockets and is told how far each is. A thread of its own watches the time, since
// nothing else happens on a connection on which nothing comes. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

namespace slipway::web {

class SlowClients {
 public:
  struct Limits {
    std::chrono::milliseconds idle;     ///< for a header, and between two pieces of a body
    std::chrono::milliseconds request;  ///< from a header to the end of its body
  };
  explicit SlowClients(Limits limits);
  /// Connections are left as they are.
  ~SlowClients();
  SlowClients(const SlowClients&) = delete;
  SlowClients& operator=(const SlowClients&) = delete;

  /// A connection was made, or the first line of a further request has come: its header is waited for.
  void ExpectHeader(int fd);
  /// The header is there.
  void ExpectBody(int fd);
  /// A piece of the body has come.
  void Moved(int fd);
  /// The request is complete, or refused: nothing is waited for.
  void Complete(int fd);
  /// It was answered; a further request may come.
  void Rest(int fd);
  /// The socket is about to be closed. Afterwards it is not touched any more.
  void Forget(int fd);

 private:
  using Time = std::chrono::steady_clock::time_point;
  enum class Phase { kHeader, kBody, kComplete, kResting };
  struct Connection {
    Phase phase = Phase::kHeader;
    Time begin;  // of the phase
    Time last;   // when something came
  };
  void Set(int fd, Phase phase);
  std::optional<Time> Deadline(const Connection& connection) const;
  void Watch(const std::stop_token& stop);
  void EndLate(Time now);

  const Limits limits_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<int, Connection> connections_;  // guarded by mutex_
  std::jthread watcher_;
};

}  // namespace slipway::web
