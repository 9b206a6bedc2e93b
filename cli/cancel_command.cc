// slipway cancel: asks a run to end.
#include <memory>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/run_format.h"

namespace slipway::cli {

namespace {

int Run(const std::string& server, const std::string& run_id) {
  auto connection = Connection::Open(server);
  if (!connection.ok()) return Fail(connection.status());
  v1::CancelRunRequest request;
  request.set_run_id(run_id);
  v1::Run run;
  Call call(Context::Background(), kCallTimeout);
  if (grpc::Status status = (*connection)->runs().CancelRun(call.context(), request, &run); !status.ok()) {
    return Fail((*connection)->Failure(status, fmt::format("cancel run '{}'", run_id)));
  }
  Print(IsFinal(run.status()) ? fmt::format("Run {} {}\n", run_id, OutcomeText(run.status()))
                              : fmt::format("Run {} is being canceled\n", run_id));
  return kExitOk;
}

}  // namespace

void AddCancel(CommandLine& line) {
  auto run_id = std::make_shared<std::string>();
  CLI::App* command = line.app->add_subcommand("cancel", "Cancel a run");
  command->add_option("RUN", *run_id, "Id of the run")->required()->type_name("");
  command->callback([&line, run_id] { line.run = [&line, run_id] { return Run(line.server, *run_id); }; });
}

}  // namespace slipway::cli
