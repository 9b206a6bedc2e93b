// slipway version: of this program and of the daemon.
#include <memory>

#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/text_width.h"

namespace slipway::cli {

namespace {

void PrintJson(const v1::GetVersionResponse* daemon) {
  nlohmann::ordered_json json = {{"client", {{"version", SLIPWAY_VERSION}}}};
  if (daemon != nullptr) {
    json["server"] = {
        {"version", daemon->version()},
        {"revision", daemon->revision()},
        {"platform", daemon->platform()},
        {"apiVersions", std::vector<std::string>(daemon->api_versions().begin(), daemon->api_versions().end())}};
  }
  Print(json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

void PrintPlain(const v1::GetVersionResponse* daemon) {
  Print("Client: " SLIPWAY_VERSION "\n");
  if (daemon == nullptr) return;
  std::string server = daemon->version();
  if (!daemon->revision().empty()) server += " (" + daemon->revision() + ")";
  if (!daemon->platform().empty()) server += ", " + daemon->platform();
  Print(fmt::format("Server: {}\n", Harmless(server)));
}

int Run(const std::string& server, OutputFormat output) {
  auto connection = Connection::Open(server);
  if (!connection.ok()) return Fail(connection.status());
  v1::GetVersionResponse daemon;
  Call call(Context::Background(), kCallTimeout);
  const grpc::Status status = (*connection)->system().GetVersion(call.context(), {}, &daemon);
  // Our own version is told in any case.
  const v1::GetVersionResponse* known = status.ok() ? &daemon : nullptr;
  output == OutputFormat::kJson ? PrintJson(known) : PrintPlain(known);
  return status.ok() ? kExitOk : Fail((*connection)->Failure(status, "get version"));
}

}  // namespace

void AddVersion(CommandLine& line) {
  auto output = std::make_shared<OutputFormat>(OutputFormat::kNone);
  CLI::App* command = line.app->add_subcommand("version", "Show the versions of this program and of the daemon");
  AddOutputOption(*command, output.get());
  command->callback([&line, output] { line.run = [&line, output] { return Run(line.server, *output); }; });
}

}  // namespace slipway::cli
