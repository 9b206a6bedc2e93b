// slipway runs: the list of runs, newest first.
#include <memory>
#include <vector>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/run_format.h"
#include "cli/run_list.h"

namespace slipway::cli {

namespace {

struct RunsOptions {
  v1::ListRunsRequest request;
  int top = 15;
  OutputFormat output = OutputFormat::kTable;
};

int Run(const std::string& server, const RunsOptions& options) {
  auto connection = Connection::Open(server);
  if (!connection.ok()) return Fail(connection.status());
  const Result<std::vector<v1::Run>> runs = ListRuns(**connection, options.request, options.top);
  if (!runs.ok()) return Fail(runs.status());
  Print(options.output == OutputFormat::kJson ? RunListJson(*runs) : RunTable(*runs));
  return kExitOk;
}

}  // namespace

void AddRuns(CommandLine& line) {
  auto options = std::make_shared<RunsOptions>();
  CLI::App* command = line.app->add_subcommand("runs", "List runs, newest first");
  AddRunStatusOption(*command, "--status", &options->request);
  command
      ->add_option_function<std::string>(
          "--task", [options](const std::string& name) { options->request.set_task(name); },
          "Only runs of this stored task")
      ->type_name("NAME");
  AddRunTriggerOption(*command, &options->request);
  command
      ->add_option_function<std::string>(
          "--image", [options](const std::string& image) { options->request.set_output_image(image); },
          "Only runs that made this image: [REGISTRY/]REPOSITORY[:TAG][@DIGEST]")
      ->type_name("IMAGE");
  AddTopOption(*command, &options->top);
  AddOutputOption(*command, &options->output);
  command->callback([&line, options] { line.run = [&line, options] { return Run(line.server, *options); }; });
}

}  // namespace slipway::cli
