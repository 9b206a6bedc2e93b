// slipway task list-runs, logs, cancel-run, show-run, update-run: runs, as az acr task names what is done with them.
#include <unistd.h>

#include <memory>
#include <optional>

#include <nlohmann/json.hpp>

#include "cli/run_follower.h"
#include "cli/run_format.h"
#include "cli/run_list.h"
#include "cli/task/commands.h"
#include "cli/task/task_words.h"
#include "cli/terminal.h"

namespace slipway::cli {

namespace {

using Json = nlohmann::ordered_json;

struct Words {
  std::string run_id;
  v1::ListRunsRequest request;
  int top = 15;
  std::optional<bool> no_archive;
  FormChoice form;
  AcrWords acr;
};

int ListOf(Connection& connection, const Words& words) {
  const Result<std::vector<v1::Run>> runs = ListRuns(connection, words.request, words.top);
  if (!runs.ok()) return Fail(runs.status());
  PrintList(words.form, Json::parse(RunListJson(*runs)), RunTable(*runs));
  return kExitOk;
}

int PrintRun(const Words& words, const v1::Run& run) {
  PrintOne(words.form, Json::parse(RunJson(run)), RunTable({&run, 1}));
  return kExitOk;
}

int Show(Connection& connection, const Words& words) {
  const Result<v1::Run> run = GetRun(Context::Background(), connection, words.run_id);
  return run.ok() ? PrintRun(words, *run) : Fail(run.status());
}

int Update(Connection& connection, const Words& words) {
  v1::UpdateRunRequest request;
  request.set_run_id(words.run_id);
  if (words.no_archive) request.set_is_archive_enabled(!*words.no_archive);
  v1::Run run;
  Call call(Context::Background(), kCallTimeout);
  if (const grpc::Status status = connection.runs().UpdateRun(call.context(), request, &run); !status.ok()) {
    return Fail(connection.Failure(status, fmt::format("update run '{}'", words.run_id)));
  }
  return PrintRun(words, run);
}

// The run that is named, else the last one that is looked for.
Result<std::string> ChooseRun(Connection& connection, const Words& words) {
  if (!words.run_id.empty()) return words.run_id;
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<v1::Run> runs, ListRuns(connection, words.request, 1));
  const bool any = words.request.task().empty() && words.request.output_image().empty();
  if (runs.empty()) return NotFound("there is no run{}", any ? "" : " that matches --name and --image");
  WriteText(STDERR_FILENO,
            fmt::format("{}Run ID: {}\n", any ? "Showing logs of the last created run.\n" : "", runs.front().run_id()));
  return runs.front().run_id();
}

int Logs(Connection& connection, const Words& words) {
  const Result<std::string> run_id = ChooseRun(connection, words);
  if (!run_id.ok()) return Fail(run_id.status());
  const auto note = [](std::string_view text) { WriteText(STDERR_FILENO, fmt::format("{}\n", text)); };
  RunFollower follower(connection, *run_id, note, /*reached=*/words.run_id.empty());
  const auto status = follower.Log(Context::Background(), /*follow=*/true, [](std::string_view data) { Print(data); });
  return status.ok() ? kExitOk : Fail(status.status());
}

std::shared_ptr<Words> AddCommand(CLI::App& group, CommandLine& line, const char* name, const char* help,
                                  int (*body)(Connection&, const Words&), CLI::App** command) {
  auto words = std::make_shared<Words>();
  *command = group.add_subcommand(name, help);
  AddAcrOptions(**command, &words->acr);
  OnChosen(**command, line, [words, body](Connection& connection) { return body(connection, *words); });
  return words;
}

void AddRunId(CLI::App& command, Words* words) {
  command.add_option("--run-id", words->run_id, "Id of the run")->type_name("RUN")->required();
}

void AddFilters(CLI::App& command, Words* words) {
  command
      .add_option_function<std::string>(
          "-n,--name", [words](const std::string& name) { words->request.set_task(name); }, "Only runs of this task")
      ->type_name("NAME");
  command
      .add_option_function<std::string>(
          "--image", [words](const std::string& image) { words->request.set_output_image(image); },
          "Only runs that made this image: [REGISTRY/]REPOSITORY[:TAG][@DIGEST]")
      ->type_name("IMAGE");
}

}  // namespace

void AddTaskRuns(CLI::App& group, CommandLine& line) {
  CLI::App* command = nullptr;
  auto words = AddCommand(group, line, "list-runs", "List runs, newest first", &ListOf, &command);
  AddFilters(*command, words.get());
  AddRunStatusOption(*command, "--run-status", &words->request);
  AddRunTriggerOption(*command, &words->request);
  AddTopOption(*command, &words->top);
  AddFormOption(*command, &words->form);

  words =
      AddCommand(group, line, "logs", "Follow the log of a run; without --run-id, of the last one", &Logs, &command);
  command->add_option("--run-id", words->run_id, "Id of the run")->type_name("RUN");
  AddFilters(*command, words.get());

  words = AddCommand(
      group, line, "cancel-run", "Cancel a run",
      [](Connection& connection, const Words& of) { return CancelRun(connection, of.run_id); }, &command);
  AddRunId(*command, words.get());

  words = AddCommand(group, line, "show-run", "Show one run", &Show, &command);
  AddRunId(*command, words.get());
  AddFormOption(*command, &words->form);

  words = AddCommand(group, line, "update-run", "Change whether a run is kept for ever", &Update, &command);
  AddRunId(*command, words.get());
  AddSwitch(*command, "--no-archive", &words->no_archive,
            "false: the run is kept, whatever the rules of retention say; true: it is not")
      ->required();
  AddFormOption(*command, &words->form);
}

}  // namespace slipway::cli
