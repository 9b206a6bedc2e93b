#include "executor/base/ssh_agent.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "executor/base/cancel_fd.h"

namespace slipway {

namespace {

constexpr char kFailure = 5;
constexpr char kRequestIdentities = 11;
constexpr char kSignRequest = 13;
constexpr size_t kLengthBytes = 4;

// Waits until a socket is ready or the context is done.
class Waiter {
 public:
  Waiter(const Context& ctx, int fd) : ctx_(ctx), fd_(fd), cancel_(ctx) {}

  Status Until(short events) const {
    while (true) {
      SLIPWAY_RETURN_IF_ERROR(ctx_.Err());
      std::array<pollfd, 2> polled = {{{fd_, events, 0}, {cancel_.get(), POLLIN, 0}}};
      const int ready = ::poll(polled.data(), polled.size(), PollTimeout(ctx_));
      if (ready > 0 && polled[0].revents != 0) return Status();
      if (ready < 0 && errno != EINTR) return ErrnoStatus(errno, "wait for an SSH agent's message");
    }
  }

 private:
  const Context& ctx_;
  const int fd_;
  const CancelFd cancel_;
};

// Reads `size` bytes; fewer at the end of the stream.
Result<size_t> ReadFully(const Waiter& waiter, int fd, char* to, size_t size) {
  size_t got = 0;
  while (got < size) {
    SLIPWAY_RETURN_IF_ERROR(waiter.Until(POLLIN));
    const ssize_t n = ::recv(fd, to + got, size - got, MSG_DONTWAIT);
    if (n == 0) break;
    if (n > 0) {
      got += static_cast<size_t>(n);
    } else if (errno == ECONNRESET) {
      break;
    } else if (errno != EINTR && errno != EAGAIN) {
      return ErrnoStatus(errno, "read an SSH agent's message");
    }
  }
  return got;
}

}  // namespace

Result<std::string> ReadAgentMessage(const Context& ctx, int fd) {
  const Waiter waiter(ctx, fd);
  unsigned char length[kLengthBytes];
  SLIPWAY_ASSIGN_OR_RETURN(const size_t got, ReadFully(waiter, fd, reinterpret_cast<char*>(length), kLengthBytes));
  if (got == 0) return std::string();
  const size_t size = static_cast<size_t>(length[0]) << 24 | static_cast<size_t>(length[1]) << 16 |
                      static_cast<size_t>(length[2]) << 8 | static_cast<size_t>(length[3]);
  if (got == kLengthBytes && (size == 0 || size > kMaxAgentMessage)) {
    return InvalidArgument("a message of {} bytes is none of SSH's agent protocol", size);
  }
  std::string message(got == kLengthBytes ? size : 0, '\0');
  SLIPWAY_ASSIGN_OR_RETURN(const size_t body, ReadFully(waiter, fd, message.data(), message.size()));
  if (got < kLengthBytes || body < size) return InvalidArgument("a message of SSH's agent protocol breaks off");
  return message;
}

Status WriteAgentMessage(const Context& ctx, int fd, std::string_view message) {
  if (message.empty() || message.size() > kMaxAgentMessage) {
    return InvalidArgument("a message of {} bytes is none of SSH's agent protocol", message.size());
  }
  std::string bytes;
  bytes.reserve(kLengthBytes + message.size());
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(message.size() >> shift & 0xff));
  bytes += message;
  const Waiter waiter(ctx, fd);
  for (size_t sent = 0; sent < bytes.size();) {
    SLIPWAY_RETURN_IF_ERROR(waiter.Until(POLLOUT));
    const ssize_t n = ::send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      sent += static_cast<size_t>(n);
    } else if (errno != EINTR && errno != EAGAIN) {
      return ErrnoStatus(errno, "write an SSH agent's message");
    }
  }
  return Status();
}

bool IsAgentUse(std::string_view request) {
  return !request.empty() && (request.front() == kRequestIdentities || request.front() == kSignRequest);
}

std::string AgentFailure() { return std::string(1, kFailure); }

}  // namespace slipway
