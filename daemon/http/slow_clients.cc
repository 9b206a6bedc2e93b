#include "daemon/http/slow_clients.h"

#include <sys/socket.h>

#include <algorithm>
#include <string_view>

namespace slipway::web {

namespace {

// The server's library can answer a request that is there; this one is not.
constexpr std::string_view kTooSlow =
    "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 30\r\n\r\n"
    "the request came too slowly.\r\n";

constexpr std::chrono::milliseconds kTick(100);

// The library sees the end of the connection and closes it.
void End(int fd, bool tell) {
  if (tell) {
    [[maybe_unused]] const ssize_t sent = ::send(fd, kTooSlow.data(), kTooSlow.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  ::shutdown(fd, SHUT_RDWR);
}

}  // namespace

SlowClients::SlowClients(Limits limits)
    : limits_(limits), watcher_([this](const std::stop_token& stop) { Watch(stop); }) {}

SlowClients::~SlowClients() {
  watcher_.request_stop();
  watcher_.join();
}

void SlowClients::Set(int fd, Phase phase) {
  const Time now = std::chrono::steady_clock::now();
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = connections_.empty();
    connections_[fd] = {.phase = phase, .begin = now, .last = now};
  }
  if (first) changed_.notify_one();
}

void SlowClients::ExpectHeader(int fd) {
  {
    // The first line of the first request comes within the time that the connection has for its header.
    const std::lock_guard lock(mutex_);
    const auto known = connections_.find(fd);
    if (known != connections_.end() && known->second.phase == Phase::kHeader) return;
  }
  Set(fd, Phase::kHeader);
}

void SlowClients::ExpectBody(int fd) { Set(fd, Phase::kBody); }

void SlowClients::Moved(int fd) {
  const std::lock_guard lock(mutex_);
  const auto known = connections_.find(fd);
  if (known != connections_.end()) known->second.last = std::chrono::steady_clock::now();
}

void SlowClients::Complete(int fd) { Set(fd, Phase::kComplete); }

void SlowClients::Rest(int fd) { Set(fd, Phase::kResting); }

void SlowClients::Forget(int fd) {
  const std::lock_guard lock(mutex_);
  connections_.erase(fd);
}

std::optional<SlowClients::Time> SlowClients::Deadline(const Connection& connection) const {
  switch (connection.phase) {
    case Phase::kHeader: return connection.begin + limits_.idle;
    case Phase::kBody: return std::min(connection.last + limits_.idle, connection.begin + limits_.request);
    case Phase::kResting: return connection.begin + limits_.idle;
    case Phase::kComplete: break;
  }
  return std::nullopt;
}

void SlowClients::EndLate(Time now) {
  for (auto& [fd, connection] : connections_) {
    const std::optional<Time> deadline = Deadline(connection);
    if (!deadline || *deadline > now) continue;
    End(fd, connection.phase != Phase::kResting);
    connection.phase = Phase::kComplete;  // nothing more is to be done for it
  }
}

// Limits are seconds, so a look now and then is early enough, and costs nothing for each request.
void SlowClients::Watch(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    changed_.wait(lock, stop, [this] { return !connections_.empty(); });
    changed_.wait_for(lock, stop, kTick, [] { return false; });
    EndLate(std::chrono::steady_clock::now());
  }
}

}  // namespace slipway::web
