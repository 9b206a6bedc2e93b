#include "cli/connection.h"

#include <grpc/grpc.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "cli/channel.h"
#include "cli/grpc_lifetime.h"
#include "executor/base/unique_fd.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace slipway::cli {

namespace {

constexpr std::string_view kUnixPrefix = "unix:";
// A page of runs may hold many Dockerfiles.
constexpr int kMaxMessageBytes = 256 << 20;

bool IsIpv4(std::string_view host) {
  return !host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool IsPort(std::string_view text) {
  return !text.empty() && text.size() <= 5 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

Status BadServer(std::string_view server) {
  return InvalidArgument("server '{}' is neither HOST:PORT nor unix:PATH", server);
}

// A peer whose machine or network is gone closes nothing: a stream that only reads would wait for it for ever. The
// daemon bears with pings five seconds apart (daemon/services/server.cc).
void KeepAlive(grpc::ChannelArguments* arguments) {
  arguments->SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  arguments->SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  arguments->SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0);
  // Else there would be two pings and no more, since who follows a log sends nothing himself.
  arguments->SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
}

// Why a socket cannot be connected to, in the system's words; gRPC's own are long and name no path. "" if it can.
std::string WhyUnreachable(std::string_view target) {
  if (!target.starts_with(kUnixPrefix)) return "";
  const std::string path(target.substr(kUnixPrefix.size()));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return "the path is too long for a socket";
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid() || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return "";
  return std::strerror(errno);
}

// gRPC wraps the cause several times: "failed to connect to all addresses; last error: UNKNOWN: ipv4:…: Connection
// refused".
std::string LastCause(const std::string& message) {
  constexpr std::string_view kMark = "last error: ";
  const size_t at = message.rfind(kMark);
  std::string cause = at == std::string::npos ? message : message.substr(at + kMark.size());
  if (cause.starts_with("UNKNOWN: ")) cause.erase(0, 9);
  if (cause.starts_with("UNAVAILABLE: ")) cause.erase(0, 13);
  return cause;
}

// Names of fields as the user knows them: the request's outer message says nothing to him.
std::string FieldName(std::string name) {
  for (const std::string_view outer : {"docker_build.", "task."}) {
    if (name.starts_with(outer)) name.erase(0, outer.size());
  }
  return name;
}

// What the trailer says beyond code and message.
struct Details {
  std::string violations;
  std::string reason;
};

Details ReadDetails(const grpc::Status& failure) {
  Details details;
  google::rpc::Status status;
  if (failure.error_details().empty() || !status.ParseFromString(failure.error_details())) return details;
  for (const auto& any : status.details()) {
    if (google::rpc::BadRequest bad; any.UnpackTo(&bad)) {
      for (const auto& violation : bad.field_violations()) {
        if (!details.violations.empty()) details.violations += "; ";
        if (!violation.field().empty()) details.violations += FieldName(violation.field()) + ": ";
        details.violations += violation.description();
      }
    } else if (google::rpc::ErrorInfo info; any.UnpackTo(&info)) {
      details.reason = info.reason();
    }
  }
  return details;
}

}  // namespace

Result<std::string> GrpcTarget(std::string_view server) {
  if (server.starts_with(kUnixPrefix) || server.starts_with('/')) {
    if (server.starts_with(kUnixPrefix)) server.remove_prefix(kUnixPrefix.size());
    if (server.starts_with("//")) server.remove_prefix(2);
    if (server.empty()) return InvalidArgument("server 'unix:' names no path");
    return fmt::format("unix:{}", server);
  }
  const size_t colon = server.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || server.find('/') != std::string_view::npos) {
    return BadServer(server);
  }
  if (!IsPort(server.substr(colon + 1))) return BadServer(server);
  // An address needs no resolver.
  if (IsIpv4(server.substr(0, colon))) return fmt::format("ipv4:{}", server);
  if (server.starts_with('[')) return fmt::format("ipv6:{}", server);
  return fmt::format("dns:{}", server);
}

grpc::ChannelArguments ChannelArgumentsFor(std::string_view target) {
  grpc::ChannelArguments arguments;
  arguments.SetInt("grpc.enable_http_proxy", 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 20'000);  // despite its name: how long an attempt may take
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5000);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  if (!target.starts_with(kUnixPrefix)) KeepAlive(&arguments);
  return arguments;
}

Result<std::shared_ptr<grpc::Channel>> OpenChannel(std::string_view server) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string target, GrpcTarget(server));
  if (leave_grpc_to_exit) ::grpc_init();  // a claim that nobody gives back
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), ChannelArgumentsFor(target));
}

Result<std::unique_ptr<Connection>> Connection::Open(std::string_view server) {
  std::unique_ptr<Connection> connection(new Connection);
  connection->server_ = server;
  SLIPWAY_ASSIGN_OR_RETURN(connection->channel_, OpenChannel(server));
  connection->channel_->GetState(/*try_to_connect=*/true);
  connection->runs_ = v1::Runs::NewStub(connection->channel_);
  connection->attestations_ = v1::Attestations::NewStub(connection->channel_);
  connection->sources_ = v1::Sources::NewStub(connection->channel_);
  connection->ssh_agents_ = v1::SshAgents::NewStub(connection->channel_);
  connection->system_ = v1::System::NewStub(connection->channel_);
  connection->images_ = v1::Images::NewStub(connection->channel_);
  connection->notifications_ = v1::Notifications::NewStub(connection->channel_);
  connection->tasks_ = v1::Tasks::NewStub(connection->channel_);
  return connection;
}

Status Connection::Failure(const grpc::Status& failure, std::string_view what, std::string* reason) const {
  const Details details = ReadDetails(failure);
  if (reason != nullptr) *reason = details.reason;
  const Code code = static_cast<Code>(failure.error_code());
  if (code == Code::kUnavailable && details.reason.empty()) {
    const Result<std::string> target = GrpcTarget(server_);
    std::string cause = target.ok() ? WhyUnreachable(*target) : "";
    if (cause.empty()) cause = LastCause(failure.error_message());
    return Unavailable(
        "{}: cannot reach the daemon at '{}': {}; start it with 'slipwayd', or name another with --server or "
        "SLIPWAY_SERVER",
        what, server_, cause);
  }
  if (code == Code::kDeadlineExceeded) return DeadlineExceeded("{}: the daemon at '{}' did not answer", what, server_);
  if (code == Code::kUnimplemented) {
    return Unimplemented("{}: the daemon at '{}' does not know this call; is it of another version? ({})", what,
                         server_, failure.error_message());
  }
  const std::string& text = details.violations.empty() ? failure.error_message() : details.violations;
  return Status(code, fmt::format("{}: {}", what, text.empty() ? CodeName(code) : text));
}

Call::Call(const Context& ctx, std::chrono::milliseconds timeout) {
  std::optional<Context::TimePoint> end = ctx.deadline();
  if (timeout.count() > 0) {
    const auto own = std::chrono::steady_clock::now() + timeout;
    end = end.has_value() ? std::min(*end, own) : own;
  }
  if (end.has_value()) {
    context_.set_deadline(
        std::chrono::system_clock::now() +
        std::chrono::duration_cast<std::chrono::system_clock::duration>(*end - std::chrono::steady_clock::now()));
  }
  on_cancel_.emplace(ctx.stop_token(), Cancel{&context_});
}

}  // namespace slipway::cli
