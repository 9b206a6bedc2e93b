// slipway logs: the log of one run.
#include <unistd.h>

#include <memory>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/run_follower.h"
#include "cli/terminal.h"

namespace slipway::cli {

namespace {

struct LogsOptions {
  std::string run_id;
  std::string step;
  bool follow = false;
};

int Run(const std::string& server, const LogsOptions& options) {
  auto connection = Connection::Open(server);
  if (!connection.ok()) return Fail(connection.status());
  const auto note = [](std::string_view text) { WriteText(STDERR_FILENO, fmt::format("{}\n", text)); };
  RunFollower follower(**connection, options.run_id, note, /*reached=*/false);
  const auto status = follower.Log(
      Context::Background(), options.follow, [](std::string_view data) { Print(data); }, options.step);
  return status.ok() ? kExitOk : Fail(status.status());
}

}  // namespace

void AddLogs(CommandLine& line) {
  auto options = std::make_shared<LogsOptions>();
  CLI::App* command = line.app->add_subcommand("logs", "Print the log of a run");
  command->add_flag("-f,--follow", options->follow, "Go on until the run has ended");
  command->add_option("--step", options->step, "Only what this step wrote")->type_name("ID");
  command->add_option("RUN", options->run_id, "Id of the run")->required()->type_name("");
  command->callback([&line, options] { line.run = [&line, options] { return Run(line.server, *options); }; });
}

}  // namespace slipway::cli
