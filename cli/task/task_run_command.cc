// slipway task run: runs a stored task now, with what is to be another for this run.
#include <memory>

#include "cli/argument_words.h"
#include "cli/build_job.h"
#include "cli/task/commands.h"
#include "cli/task/task_words.h"

namespace slipway::cli {

namespace {

struct Words {
  StepWords step;
  std::string update_trigger_token, progress = "auto";
  bool no_wait = false, no_logs = false;
  BuildOptions options;
  AcrWords acr;
};

void FillOverrides(const Words& words, v1::TaskOverrides* overrides) {
  overrides->set_file(words.step.file.value_or(""));
  overrides->set_target(words.step.target.value_or(""));
  AppendArguments(words.step.args, false, Unsaid::kEnvironment, overrides->mutable_arguments());
  AppendArguments(words.step.secret_args, true, Unsaid::kEnvironment, overrides->mutable_arguments());
  AppendArguments(words.step.set, false, Unsaid::kEmpty, overrides->mutable_values());
  AppendArguments(words.step.set_secret, true, Unsaid::kEmpty, overrides->mutable_values());
  overrides->set_update_trigger_token(words.update_trigger_token);
  if (words.step.timeout) overrides->mutable_timeout()->set_seconds(*words.step.timeout);
}

int Run(const CommandLine& line, Words& words) {
  if (const Status status = CheckAcrWords(words.acr); !status.ok()) return Misuse(status);
  BuildOptions& options = words.options;
  options.server = line.server;
  options.context = words.step.context.value_or("");
  options.wait = !words.no_wait;
  options.logs = !words.no_logs;
  options.progress = ParseProgress(words.progress);
  FillOverrides(words, options.stored->mutable_overrides());
  return RunBuild(std::move(options));
}

}  // namespace

void AddTaskRun(CLI::App& group, CommandLine& line) {
  auto words = std::make_shared<Words>();
  CLI::App* command = group.add_subcommand("run", "Run a task now and follow its log");
  words->options.stored.emplace();
  AddTaskName(*command, words->options.stored->mutable_name());
  AddOverrideOptions(*command, &words->step);
  command
      ->add_option("--update-trigger-token", words->update_trigger_token,
                   "Given back to the endpoint of the base image trigger")
      ->type_name("TOKEN");
  AddRunFlags(*command, &words->no_wait, &words->no_logs, &words->progress);
  AddOutputOption(*command, &words->options.output.format);
  AddAcrOptions(*command, &words->acr);
  command->callback([&line, words] { line.run = [&line, words] { return Run(line, *words); }; });
}

}  // namespace slipway::cli
