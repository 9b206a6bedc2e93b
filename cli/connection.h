// Connection: the one gRPC channel of a command to a daemon, and how its failures are told to people.
//
// The channel connects on its own while other work goes on; nothing is looked up that is not needed (no proxy, no
// service configuration). Stubs may be used from any thread.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "executor/base/context.h"
#include "executor/base/status.h"
#include "slipway/v1/attestations.grpc.pb.h"
#include "slipway/v1/images.grpc.pb.h"
#include "slipway/v1/notifications.grpc.pb.h"
#include "slipway/v1/runs.grpc.pb.h"
#include "slipway/v1/sources.grpc.pb.h"
#include "slipway/v1/ssh_agents.grpc.pb.h"
#include "slipway/v1/system.grpc.pb.h"
#include "slipway/v1/tasks.grpc.pb.h"

namespace slipway::cli {

namespace v1 = ::slipway::v1;

inline constexpr std::string_view kDefaultServer = "unix:/run/slipway/slipway.sock";

/// "HOST:PORT", "unix:PATH" or "/PATH" as gRPC wants it; INVALID_ARGUMENT for others.
Result<std::string> GrpcTarget(std::string_view server);

class Connection {
 public:
  /// Begins to connect and does not wait for it.
  static Result<std::unique_ptr<Connection>> Open(std::string_view server);

  v1::Runs::Stub& runs() { return *runs_; }
  v1::Attestations::Stub& attestations() { return *attestations_; }
  v1::Sources::Stub& sources() { return *sources_; }
  v1::SshAgents::Stub& ssh_agents() { return *ssh_agents_; }
  v1::System::Stub& system() { return *system_; }
  v1::Images::Stub& images() { return *images_; }
  v1::Notifications::Stub& notifications() { return *notifications_; }
  v1::Tasks::Stub& tasks() { return *tasks_; }
  /// As the user gave it.
  const std::string& server() const { return server_; }

  /// The failure of a call as `what: message`. Fields that were refused are named with their reason; a daemon that
  /// cannot be reached comes with what to do about it. `reason` gets the daemon's constant ("RUN_NOT_FOUND") or "".
  Status Failure(const grpc::Status& failure, std::string_view what, std::string* reason = nullptr) const;

 private:
  Connection() = default;
  std::string server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Runs::Stub> runs_;
  std::unique_ptr<v1::Attestations::Stub> attestations_;
  std::unique_ptr<v1::Sources::Stub> sources_;
  std::unique_ptr<v1::SshAgents::Stub> ssh_agents_;
  std::unique_ptr<v1::System::Stub> system_;
  std::unique_ptr<v1::Images::Stub> images_;
  std::unique_ptr<v1::Notifications::Stub> notifications_;
  std::unique_ptr<v1::Tasks::Stub> tasks_;
};

/// The client's side of one call: cancelled with `ctx`, bounded by its deadline and by `timeout` if that is not zero.
class Call {
 public:
  explicit Call(const Context& ctx, std::chrono::milliseconds timeout = {});
  grpc::ClientContext* context() { return &context_; }

 private:
  struct Cancel {
    grpc::ClientContext* context;
    void operator()() const { context->TryCancel(); }
  };
  grpc::ClientContext context_;
  std::optional<std::stop_callback<Cancel>> on_cancel_;
};

/// For calls that answer at once: longer than this the daemon is taken for hung.
inline constexpr std::chrono::seconds kCallTimeout{60};

}  // namespace slipway::cli
