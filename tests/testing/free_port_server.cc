#include "tests/testing/free_port_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <chrono>

#include "executor/base/context.h"
#include "executor/base/fs.h"

namespace slipway::testing {

namespace {
constexpr auto kStart = std::chrono::seconds(20);
constexpr auto kStep = std::chrono::milliseconds(5);

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int FreePort() {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) return 0;
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(address.sin_port);
}

bool Accepts(int port) {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = Loopback(port);
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

bool Ended(pid_t pid) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

Status Await(const ChildProcess& process, const std::string& what, const std::function<bool()>& ready) {
  const Context ctx = Context::Background().WithTimeout(kStart, what);
  while (!ready()) {
    if (Ended(process.pid())) return Unavailable("{} ended at once", what);
    SLIPWAY_RETURN_IF_ERROR(ctx.Sleep(kStep));
  }
  return {};
}
}  // namespace

Result<std::unique_ptr<FreePortServer>> FreePortServer::Start(const std::function<std::vector<std::string>(int)>& argv,
                                                              int port) {
  Status last = Unavailable("no port is free");
  for (int attempt = 0; attempt < 5; ++attempt) {
    auto server = std::make_unique<FreePortServer>();
    server->port_ = port != 0 ? port : FreePort();
    SpawnOptions spawn{.argv = argv(server->port_)};
    SLIPWAY_ASSIGN_OR_RETURN(server->process_, ChildProcess::Spawn(spawn));
    last = Await(server->process_, spawn.argv.front(), [&server] { return Accepts(server->port_); });
    if (last.ok()) return server;
  }
  return last;
}

Result<std::unique_ptr<FreePortServer>> FreePortServer::StartAgent(const std::string& socket) {
  auto server = std::make_unique<FreePortServer>();
  SLIPWAY_ASSIGN_OR_RETURN(server->process_, ChildProcess::Spawn({.argv = {"ssh-agent", "-D", "-a", socket}}));
  SLIPWAY_RETURN_IF_ERROR(Await(server->process_, "ssh-agent", [&socket] { return fs::Exists(socket); }));
  return server;
}

}  // namespace slipway::testing
