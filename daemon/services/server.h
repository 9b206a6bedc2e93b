// Server: the gRPC server with all services, health and reflection, on its addresses.
//
// Life: Start; Drain says to health checks that it is going; Shutdown ends the calls. Thread-safe.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <vector>

#include "daemon/config/config.h"

namespace slipway::services {

class Server {
 public:
  /// Listens on all addresses. The services must outlive it. ALREADY_EXISTS if an address is in use.
  static Result<std::unique_ptr<Server>> Start(const std::vector<config::Address>& addresses,
                                               const std::vector<grpc::Service*>& services);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Where it listens, with the ports that were given for port 0.
  const std::vector<config::Address>& addresses() const { return addresses_; }

  /// Health checks say NOT_SERVING from now on.
  void Drain();
  /// Takes no more calls; those under way are cancelled after `grace`.
  void Shutdown(std::chrono::milliseconds grace);

 private:
  Server() = default;
  std::vector<config::Address> addresses_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace slipway::services
