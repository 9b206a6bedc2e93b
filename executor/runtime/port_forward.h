// PortForward: a port of the host whose connections, or datagrams, go on to a container's address on its bridge.
//
// The daemon does the forwarding itself, so nothing of it can be left in the firewall when the daemon is killed, a port
// that is taken is refused at once, and only the address that was asked for listens. Open and the end of life belong to
// one thread; a thread inside does the work.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "executor/base/status.h"
#include "executor/base/unique_fd.h"
#include "executor/runtime/runner.h"

namespace slipway::runtime {

class PortForward {
 public:
  /// Listens from now on. FAILED_PRECONDITION if the port is taken; INVALID_ARGUMENT for an address that is no IPv4
  /// one.
  static Result<std::unique_ptr<PortForward>> Open(const PublishedPort& port, const std::string& container_address);
  /// Cuts all connections.
  ~PortForward();

  /// With the host port that was chosen.
  const PublishedPort& port() const { return port_; }

 private:
  PortForward(PublishedPort port, UniqueFd listener, UniqueFd stop)
      : port_(std::move(port)), listener_(std::move(listener)), stop_(std::move(stop)) {}

  const PublishedPort port_;
  const UniqueFd listener_;
  const UniqueFd stop_;  // an eventfd
  std::thread worker_;
};

}  // namespace slipway::runtime
