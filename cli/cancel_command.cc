// slipway cancel: asks a run to end.
#include <memory>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/run_format.h"
#include "cli/run_list.h"

namespace slipway::cli {

int CancelRun(Connection& connection, const std::string& run_id) {
  v1::CancelRunRequest request;
  request.set_run_id(run_id);
  v1::Run run;
  Call call(Context::Background(), kCallTimeout);
  if (grpc::Status status = connection.runs().CancelRun(call.context(), request, &run); !status.ok()) {
    return Fail(connection.Failure(status, fmt::format("cancel run '{}'", run_id)));
  }
  Print(IsFinal(run.status()) ? fmt::format("Run {} {}\n", run_id, OutcomeText(run.status()))
                              : fmt::format("Run {} is being canceled\n", run_id));
  return kExitOk;
}

void AddCancel(CommandLine& line) {
  auto run_id = std::make_shared<std::string>();
  CLI::App* command = line.app->add_subcommand("cancel", "Cancel a run");
  command->add_option("RUN", *run_id, "Id of the run")->required()->type_name("");
  command->callback([&line, run_id] {
    line.run = [&line, run_id] {
      auto connection = Connection::Open(line.server);
      return connection.ok() ? CancelRun(**connection, *run_id) : Fail(connection.status());
    };
  });
}

}  // namespace slipway::cli
