// slipway runs: the list of runs, newest first.
#include <algorithm>
#include <memory>
#include <vector>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/run_format.h"

namespace slipway::cli {

namespace {

constexpr int kDefaultTop = 15;
constexpr int kPage = 200;

struct RunsOptions {
  std::vector<std::string> status;
  int top = kDefaultTop;
  OutputFormat output = OutputFormat::kTable;
};

Result<std::vector<v1::Run>> List(Connection& connection, const RunsOptions& options) {
  std::vector<v1::Run> runs;
  v1::ListRunsRequest request;
  for (const std::string& text : options.status) {
    SLIPWAY_ASSIGN_OR_RETURN(const v1::RunStatus status, ParseRunStatus(text));
    request.add_status(status);
  }
  do {
    request.set_page_size(std::min(kPage, options.top - static_cast<int>(runs.size())));
    Call call(Context::Background(), kCallTimeout);
    v1::ListRunsResponse response;
    if (grpc::Status status = connection.runs().ListRuns(call.context(), request, &response); !status.ok()) {
      return connection.Failure(status, "list runs");
    }
    for (v1::Run& run : *response.mutable_runs()) runs.push_back(std::move(run));
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty() && static_cast<int>(runs.size()) < options.top);
  if (static_cast<int>(runs.size()) > options.top) runs.resize(static_cast<size_t>(options.top));
  return runs;
}

int Run(const std::string& server, const RunsOptions& options) {
  auto connection = Connection::Open(server);
  if (!connection.ok()) return Fail(connection.status());
  const Result<std::vector<v1::Run>> runs = List(**connection, options);
  if (!runs.ok()) return Fail(runs.status());
  Print(options.output == OutputFormat::kJson ? RunListJson(*runs) : RunTable(*runs));
  return kExitOk;
}

}  // namespace

void AddRuns(CommandLine& line) {
  auto options = std::make_shared<RunsOptions>();
  CLI::App* command = line.app->add_subcommand("runs", "List runs, newest first");
  command->add_option("--status", options->status, "Only runs in this state, such as Running or Failed; repeatable")
      ->type_name("STATUS")
      ->allow_extra_args(false)
      ->check([](const std::string& text) {
        const Result<v1::RunStatus> status = ParseRunStatus(text);
        return status.ok() ? std::string() : status.status().message();
      });
  command->add_option("--top", options->top, "At most so many")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
  AddOutputOption(*command, &options->output);
  command->callback([&line, options] { line.run = [&line, options] { return Run(line.server, *options); }; });
}

}  // namespace slipway::cli
