#include "executor/runtime/port_forward.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <list>
#include <vector>

namespace slipway::runtime {

namespace {

constexpr size_t kMostConnections = 512;  // at once, of one port
constexpr size_t kMostClients = 128;      // that send datagrams
constexpr size_t kBuffer = 64U << 10;

Result<sockaddr_in> ParseAddress(const std::string& address, uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  if (::inet_pton(AF_INET, address.c_str(), &out.sin_addr) != 1) {
    return InvalidArgument("publish a port on '{}': that is no IPv4 address", address);
  }
  return out;
}

Result<UniqueFd> ConnectTo(const sockaddr_in& target, int type) {
  UniqueFd fd(::socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoStatus(errno, "make a socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&target), sizeof(target)) != 0 && errno != EINPROGRESS) {
    return ErrnoStatus(errno, "connect to the container");
  }
  return fd;
}

// Bytes on their way from one socket to another.
struct Flow {
  std::string buffer;
  bool from_ended = false;
  bool to_closed = false;  // the end was handed on

  bool WantsRead() const { return !from_ended && buffer.empty(); }
  bool WantsWrite() const { return !buffer.empty(); }

  /// False when the connection is broken.
  bool Read(int from) {
    std::array<char, kBuffer> bytes;
    const ssize_t n = ::recv(from, bytes.data(), bytes.size(), 0);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    from_ended = n == 0;
    buffer.assign(bytes.data(), static_cast<size_t>(n));
    return true;
  }
  bool Write(int to) {
    if (!buffer.empty()) {
      const ssize_t n = ::send(to, buffer.data(), buffer.size(), MSG_NOSIGNAL);
      if (n < 0) return errno == EAGAIN || errno == EINTR;
      buffer.erase(0, static_cast<size_t>(n));
    }
    if (buffer.empty() && from_ended && !to_closed) {
      to_closed = true;
      ::shutdown(to, SHUT_WR);
    }
    return true;
  }
};

struct Connection {
  UniqueFd client;
  UniqueFd container;
  Flow in, out;  // to the container, from it
  bool connecting = true;

  bool done() const { return in.to_closed && out.to_closed; }
  pollfd PollClient() const {
    const int events = (in.WantsRead() ? POLLIN : 0) | (out.WantsWrite() ? POLLOUT : 0);
    return {connecting || events == 0 ? -1 : client.get(), static_cast<short>(events), 0};
  }
  pollfd PollContainer() const {
    const int events = connecting ? POLLOUT : (out.WantsRead() ? POLLIN : 0) | (in.WantsWrite() ? POLLOUT : 0);
    return {events == 0 ? -1 : container.get(), static_cast<short>(events), 0};
  }
  /// False when it is over.
  bool Handle(short client_events, short container_events) {
    if (connecting) {
      if (container_events == 0) return true;
      int error = 0;
      socklen_t size = sizeof(error);
      if (::getsockopt(container.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) return false;
      connecting = false;
      return true;
    }
    if (client_events != 0 && in.WantsRead() && !in.Read(client.get())) return false;
    if (container_events != 0 && out.WantsRead() && !out.Read(container.get())) return false;
    return in.Write(container.get()) && out.Write(client.get()) && !done();
  }
};

// Waits for something to happen; false when the forwarder is to end.
bool Poll(std::vector<pollfd>& polls) {
  while (::poll(polls.data(), polls.size(), -1) < 0) {
    if (errno != EINTR) return false;
  }
  return polls[0].revents == 0;
}

void ForwardConnections(int listener, int stop, const sockaddr_in& target) {
  std::list<Connection> connections;
  std::vector<pollfd> polls;
  while (true) {
    const bool room = connections.size() < kMostConnections;
    polls.assign({{stop, POLLIN, 0}, {room ? listener : -1, POLLIN, 0}});
    for (const Connection& connection : connections) {
      polls.push_back(connection.PollClient());
      polls.push_back(connection.PollContainer());
    }
    if (!Poll(polls)) return;
    size_t at = 2;
    for (auto it = connections.begin(); it != connections.end(); at += 2) {
      const bool going = it->Handle(polls[at].revents, polls[at + 1].revents);
      it = going ? std::next(it) : connections.erase(it);
    }
    if (polls[1].revents == 0) continue;
    UniqueFd client(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client.valid()) continue;
    auto container = ConnectTo(target, SOCK_STREAM);
    if (!container.ok()) continue;
    connections.push_back(
        {.client = std::move(client), .container = std::move(container).value(), .in = {}, .out = {}});
  }
}

// Each client has a socket of its own, so that answers find back. The one that was silent the longest makes room.
struct Client {
  sockaddr_in address{};
  UniqueFd container;
};

void ForwardDatagrams(int listener, int stop, const sockaddr_in& target) {
  std::list<Client> clients;  // the last heard of first
  std::vector<pollfd> polls;
  std::vector<char> bytes(kBuffer);
  while (true) {
    polls.assign({{stop, POLLIN, 0}, {listener, POLLIN, 0}});
    for (const Client& client : clients) polls.push_back({client.container.get(), POLLIN, 0});
    if (!Poll(polls)) return;
    size_t at = 2;
    for (const Client& client : clients) {
      if (polls[at++].revents == 0) continue;
      const ssize_t n = ::recv(client.container.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
      if (n < 0) continue;
      (void)::sendto(listener, bytes.data(), static_cast<size_t>(n), MSG_DONTWAIT,
                     reinterpret_cast<const sockaddr*>(&client.address), sizeof(client.address));
    }
    if (polls[1].revents == 0) continue;
    sockaddr_in from{};
    socklen_t size = sizeof(from);
    const ssize_t n =
        ::recvfrom(listener, bytes.data(), bytes.size(), MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from), &size);
    if (n < 0) continue;
    auto it = clients.begin();
    while (it != clients.end() &&
           (it->address.sin_port != from.sin_port || it->address.sin_addr.s_addr != from.sin_addr.s_addr)) {
      ++it;
    }
    if (it == clients.end()) {
      auto container = ConnectTo(target, SOCK_DGRAM);
      if (!container.ok()) continue;
      if (clients.size() >= kMostClients) clients.pop_back();
      clients.push_front({from, std::move(container).value()});
    } else {
      clients.splice(clients.begin(), clients, it);
    }
    (void)::send(clients.front().container.get(), bytes.data(), static_cast<size_t>(n), MSG_DONTWAIT | MSG_NOSIGNAL);
  }
}

}  // namespace

Result<std::unique_ptr<PortForward>> PortForward::Open(const PublishedPort& port,
                                                       const std::string& container_address) {
  SLIPWAY_ASSIGN_OR_RETURN(sockaddr_in at, ParseAddress(port.host_address, port.host_port));
  SLIPWAY_ASSIGN_OR_RETURN(const sockaddr_in target, ParseAddress(container_address, port.container_port));
  const int type = port.udp ? SOCK_DGRAM : SOCK_STREAM;
  UniqueFd listener(::socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!listener.valid()) return ErrnoStatus(errno, "make a socket");
  const int on = 1;
  // A port that was in use a moment ago may be taken again.
  if (!port.udp) (void)::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const auto name = [&port] {
    return fmt::format("publish port {}/{} on {}:{}", port.container_port, port.udp ? "udp" : "tcp", port.host_address,
                       port.host_port);
  };
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&at), sizeof(at)) != 0 ||
      (!port.udp && ::listen(listener.get(), SOMAXCONN) != 0)) {
    if (errno == EADDRINUSE) return FailedPrecondition("{}: the port is in use on this host", name());
    return ErrnoStatus(errno, name());
  }
  PublishedPort bound = port;
  socklen_t size = sizeof(at);
  if (::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&at), &size) != 0) return ErrnoStatus(errno, name());
  bound.host_port = ntohs(at.sin_port);
  UniqueFd stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop.valid()) return ErrnoStatus(errno, "make an eventfd");
  std::unique_ptr<PortForward> forward(new PortForward(std::move(bound), std::move(listener), std::move(stop)));
  forward->worker_ =
      std::thread([listener_fd = forward->listener_.get(), stop_fd = forward->stop_.get(), target, udp = port.udp] {
        udp ? ForwardDatagrams(listener_fd, stop_fd, target) : ForwardConnections(listener_fd, stop_fd, target);
      });
  return forward;
}

PortForward::~PortForward() {
  ::eventfd_write(stop_.get(), 1);
  worker_.join();
}

}  // namespace slipway::runtime
