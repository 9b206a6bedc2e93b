#include "daemon/services/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "executor/base/file_handover.h"
#include "executor/base/fs.h"

namespace slipway::services {

namespace {

constexpr int kMaxMessage = 4 << 20;
// Unary calls and uploads; streams need none.
constexpr int kMaxThreads = 64;

// Another daemon may serve on this socket; what a dead one has left is removed.
Status PrepareSocket(const std::string& path) {
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(fs::DirName(path)));
  struct stat st {};
  if (::lstat(path.c_str(), &st) != 0) return Status();
  if (!S_ISSOCK(st.st_mode)) return AlreadyExists("listen on 'unix:{}': a file that is no socket is there", path);
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    return AlreadyExists("listen on 'unix:{}': another program serves there", path);
  }
  if (::unlink(path.c_str()) != 0) return ErrnoStatus(errno, fmt::format("remove the old socket '{}'", path));
  return Status();
}

void Configure(grpc::ServerBuilder& builder) {
  grpc::ResourceQuota quota("slipwayd");
  quota.SetMaxThreads(kMaxThreads);
  builder.SetResourceQuota(quota);
  builder.SetMaxReceiveMessageSize(kMaxMessage);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MAX_POLLERS, 4);
  // Clients that are gone without a word are found out, so that their streams end.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000);
  // An address belongs to one server: a second one is told instead of taking half the calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

}  // namespace

Result<std::unique_ptr<Server>> Server::Start(const std::vector<config::Address>& addresses,
                                              const std::vector<grpc::Service*>& services) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  Configure(builder);
  std::unique_ptr<Server> server(new Server());
  server->addresses_ = addresses;
  std::vector<int> ports(addresses.size(), 0);
  for (size_t i = 0; i < addresses.size(); ++i) {
    if (!addresses[i].unix_path.empty()) {
      SLIPWAY_RETURN_IF_ERROR(PrepareSocket(addresses[i].unix_path));
      HandoverReceiver::RemoveLeft(addresses[i].unix_path);
    }
    builder.AddListeningPort(addresses[i].ToGrpc(), grpc::InsecureServerCredentials(), &ports[i]);
  }
  for (grpc::Service* service : services) builder.RegisterService(service);
  server->server_ = builder.BuildAndStart();
  for (size_t i = 0; i < addresses.size(); ++i) {
    if (server->server_ == nullptr || ports[i] <= 0) {
      // The server gives no reason; an address in use is the usual one.
      return AlreadyExists("listen on '{}': it is in use or not an address of this machine", addresses[i].ToGrpc());
    }
    if (addresses[i].unix_path.empty()) {
      server->addresses_[i].port = ports[i];
    } else if (::chmod(addresses[i].unix_path.c_str(), 0660) != 0) {
      return ErrnoStatus(errno, fmt::format("chmod '{}'", addresses[i].unix_path));
    }
  }
  return server;
}

Server::~Server() {
  if (server_ != nullptr) Shutdown(std::chrono::milliseconds(0));
}

void Server::Drain() { server_->GetHealthCheckService()->SetServingStatus(false); }

void Server::Shutdown(std::chrono::milliseconds grace) {
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now() + grace);
  server_->Wait();
  server_.reset();
  for (const config::Address& address : addresses_) {
    if (!address.unix_path.empty()) ::unlink(address.unix_path.c_str());
  }
}

}  // namespace slipway::services
