// Client: a service that only one command calls, over a channel of its own; Connection has the others.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/support/channel_arguments.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "cli/connection.h"
#include "executor/base/status.h"

namespace slipway::cli {

/// How a channel to `target`, as GrpcTarget gives it, is held: over a network a peer that is gone is found out within a
/// minute.
grpc::ChannelArguments ChannelArgumentsFor(std::string_view target);

/// Connects when the first call is made, and looks nothing up that is not needed. INVALID_ARGUMENT for no address.
Result<std::shared_ptr<grpc::Channel>> OpenChannel(std::string_view server);

/// `Service` is one of the API's, such as v1::Secrets.
template <typename Service>
class Client {
 public:
  /// INVALID_ARGUMENT for no address.
  static Result<Client> Open(const std::string& server) {
    SLIPWAY_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Connection::Open(server));
    SLIPWAY_ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, OpenChannel(server));
    return Client(std::move(connection), Service::NewStub(channel));
  }

  typename Service::Stub* operator->() { return stub_.get(); }
  /// As Connection::Failure.
  Status Failure(const grpc::Status& failure, std::string_view what) const {
    return connection_->Failure(failure, what);
  }

 private:
  Client(std::unique_ptr<Connection> connection, std::unique_ptr<typename Service::Stub> stub)
      : connection_(std::move(connection)), stub_(std::move(stub)) {}

  std::unique_ptr<Connection> connection_;
  std::unique_ptr<typename Service::Stub> stub_;
};

}  // namespace slipway::cli
