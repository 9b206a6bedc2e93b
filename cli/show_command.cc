// slipway show: one run.
#include <memory>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/run_follower.h"
#include "cli/run_format.h"

namespace slipway::cli {

namespace {

struct ShowOptions {
  std::string run_id;
  OutputFormat output = OutputFormat::kNone;
};

int Run(const std::string& server, const ShowOptions& options) {
  auto connection = Connection::Open(server);
  if (!connection.ok()) return Fail(connection.status());
  const Result<v1::Run> run = GetRun(Context::Background(), **connection, options.run_id);
  if (!run.ok()) return Fail(run.status());
  switch (options.output) {
    case OutputFormat::kJson: Print(RunJson(*run)); break;
    case OutputFormat::kTable: Print(RunTable({&*run, 1})); break;
    case OutputFormat::kNone: Print(RunDetails(*run)); break;
  }
  return kExitOk;
}

}  // namespace

void AddShow(CommandLine& line) {
  auto options = std::make_shared<ShowOptions>();
  CLI::App* command = line.app->add_subcommand("show", "Show one run");
  command->add_option("RUN", options->run_id, "Id of the run")->required()->type_name("");
  AddOutputOption(*command, &options->output);
  command->callback([&line, options] { line.run = [&line, options] { return Run(line.server, *options); }; });
}

}  // namespace slipway::cli
