#include "tests/testing/registry_server.h"

#include <chrono>
#include <cstdlib>

namespace slipway::testing {

namespace {

constexpr std::chrono::seconds kStartTimeout{30};

bool InPath(std::string_view program) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/bin:/bin";
  while (!rest.empty()) {
    const size_t colon = std::min(rest.find(':'), rest.size());
    if (::access(fs::Join(rest.substr(0, colon), program).c_str(), X_OK) == 0) return true;
    rest.remove_prefix(std::min(colon + 1, rest.size()));
  }
  return false;
}

Result<std::string> Output(const Context& ctx, std::vector<std::string> argv) {
  const std::string name = argv[0];
  SLIPWAY_ASSIGN_OR_RETURN(const RunOutput run, RunProgram(ctx, {.argv = std::move(argv)}));
  if (!run.exit.ok()) return FailedPrecondition("{}: {}: {}", name, run.exit.ToString(), run.err);
  return run.out;
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> out;
  for (size_t pos = 0; pos < text.size();) {
    const size_t end = std::min(text.find('\n', pos), text.size());
    out.push_back(text.substr(pos, end - pos));
    pos = end + 1;
  }
  return out;
}

}  // namespace

std::string RegistryServer::WhyUnavailable(const RegistryServerOptions& options) {
  std::vector<std::string> needed = {"docker-registry"};
  if (options.tls) needed.emplace_back("openssl");
  if (!options.users.empty()) needed.emplace_back("htpasswd");
  for (const std::string& program : needed) {
    if (!InPath(program)) return fmt::format("needs the program '{}'", program);
  }
  return "";
}

Result<std::unique_ptr<RegistryServer>> RegistryServer::Start(const RegistryServerOptions& options) {
  const Context ctx = Context::Background().WithTimeout(kStartTimeout, "start docker-registry");
  std::unique_ptr<RegistryServer> server(new RegistryServer());
  SLIPWAY_ASSIGN_OR_RETURN(server->dir_, fs::TempDir::Make("", "slipway-registry-"));
  if (options.tls) SLIPWAY_RETURN_IF_ERROR(server->MakeCertificate(ctx));
  SLIPWAY_ASSIGN_OR_RETURN(const std::string config, server->MakeConfig(ctx, options));
  SLIPWAY_RETURN_IF_ERROR(server->Launch(config));
  SLIPWAY_RETURN_IF_ERROR(server->AwaitAddress(ctx));
  return server;
}

Status RegistryServer::MakeCertificate(const Context& ctx) {
  ca_file_ = dir_.path() + "/cert.pem";
  return Output(ctx, {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-days", "2", "-subj", "/CN=slipway-test", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
                      "-keyout", dir_.path() + "/key.pem", "-out", ca_file_})
      .status();
}

Result<std::string> RegistryServer::MakeConfig(const Context& ctx, const RegistryServerOptions& options) {
  std::string config = fmt::format(
      "version: 0.1\n"
      "log: {{level: info, accesslog: {{disabled: false}}}}\n"
      "storage:\n"
      "  filesystem: {{rootdirectory: {0}/storage}}\n"
      "  delete: {{enabled: true}}\n"
      "  maintenance: {{uploadpurging: {{enabled: false}}}}\n"
      "http:\n"
      "  addr: 127.0.0.1:0\n"
      "  secret: not-a-secret\n",
      dir_.path());
  if (options.tls) config += fmt::format("  tls: {{certificate: {0}/cert.pem, key: {0}/key.pem}}\n", dir_.path());
  if (!options.users.empty()) {
    std::string file;
    for (const auto& [user, password] : options.users) {
      SLIPWAY_ASSIGN_OR_RETURN(const std::string line, Output(ctx, {"htpasswd", "-nbB", "-C", "4", user, password}));
      file += Lines(line)[0] + "\n";
    }
    SLIPWAY_RETURN_IF_ERROR(fs::WriteFileAtomic(dir_.path() + "/htpasswd", file));
    config += fmt::format("auth: {{htpasswd: {{realm: test, path: {}/htpasswd}}}}\n", dir_.path());
  }
  return config;
}

Status RegistryServer::Launch(const std::string& config) {
  const std::string path = dir_.path() + "/config.yml";
  SLIPWAY_RETURN_IF_ERROR(fs::WriteFileAtomic(path, config));
  const int flags = O_WRONLY | O_CREAT | O_APPEND;
  SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd out, fs::Open(dir_.path() + "/access.log", flags));
  SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd err, fs::Open(dir_.path() + "/server.log", flags));
  SpawnOptions spawn;
  spawn.argv = {"docker-registry", "serve", path};
  spawn.cwd = dir_.path();
  spawn.stdout_fd = out.get();
  spawn.stderr_fd = err.get();
  SLIPWAY_ASSIGN_OR_RETURN(process_, ChildProcess::Spawn(spawn));
  return Status();
}

// The server takes a free port itself and says which in its log.
Status RegistryServer::AwaitAddress(const Context& ctx) {
  constexpr std::string_view kMark = "listening on 127.0.0.1:";
  while (true) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string log, fs::ReadFile(dir_.path() + "/server.log"));
    if (const size_t at = log.find(kMark); at != std::string::npos) {
      const size_t port = at + kMark.size();
      const size_t end = log.find_first_not_of("0123456789", port);
      if (end != std::string::npos && end > port) {
        host_ = "127.0.0.1:" + log.substr(port, end - port);
        return Status();
      }
    }
    if (Status status = ctx.Sleep(std::chrono::milliseconds(5)); !status.ok()) return std::move(status).With(log);
  }
}

std::vector<std::string> RegistryServer::Requests() const {
  std::vector<std::string> out;
  const auto log = fs::ReadFile(dir_.path() + "/access.log");
  if (!log.ok()) return out;
  for (const std::string& line : Lines(*log)) {
    // 127.0.0.1 - - [date] "GET /v2/ HTTP/1.1" 200 2 "" "agent"
    const size_t begin = line.find('"');
    const size_t protocol = line.find(" HTTP/", begin);
    const size_t end = line.find("\" ", protocol);
    if (begin == std::string::npos || protocol == std::string::npos || end == std::string::npos) continue;
    out.push_back(line.substr(begin + 1, protocol - begin) + line.substr(end + 2, 3));
  }
  return out;
}

size_t RegistryServer::Count(std::string_view prefix) const {
  size_t count = 0;
  for (const std::string& request : Requests()) count += request.starts_with(prefix) ? 1 : 0;
  return count;
}

size_t RegistryServer::AwaitCount(std::string_view prefix, size_t least) const {
  const Context ctx = Context::Background().WithTimeout(std::chrono::seconds(10), "await requests");
  while (Count(prefix) < least && ctx.Sleep(std::chrono::milliseconds(5)).ok()) {
  }
  return Count(prefix);
}

}  // namespace slipway::testing
