#include "cli/task/task_words.h"

#include "cli/argument_words.h"
#include "cli/enum_text.h"
#include "cli/platform.h"
#include "slipway/v1/tasks.pb.h"

namespace slipway::cli {

namespace v1 = ::slipway::v1;

namespace {

template <typename Enum>
std::string CheckEnum(const std::string& text) {
  const Result<Enum> value = ParseEnum<Enum>(text);
  return value.ok() ? "" : value.status().message();
}

CLI::Option* AddText(CLI::App& command, const std::string& name, std::optional<std::string>* value,
                     const std::string& type, const std::string& help) {
  return command.add_option(name, *value, help)->type_name(type);
}

void AddStepOptions(CLI::App& command, StepWords* words) {
  AddText(command, "-c,--context", &words->context, "URL", "Git repository, tarball or oci:// artifact, or /dev/null");
  AddText(command, "-f,--file", &words->file, "FILE",
          "Dockerfile or task file (.yaml) in the context; without a context one of this machine, '-' for standard "
          "input");
  AddText(command, "--cmd", &words->cmd, "CMD", "One command instead of a file: IMAGE ARGUMENTS");
  AddRepeated(command, "-t,--image", &words->images, "NAME[:TAG]", "Name of the image; repeatable");
  AddSwitch(command, "--no-push", &words->no_push, "Do not push the image");
  AddSwitch(command, "--no-cache", &words->no_cache, "Run every step although its result is known");
  AddText(command, "--values", &words->values, "FILE", "Values file (YAML): templates see it as .Values");
  AddRepeated(command, "--platform", &words->platforms, "OS[/ARCH[/VARIANT]]",
              "Platform to build for; several make an index")
      ->delimiter(',')
      ->check(CheckPlatform);
  command.add_option("--timeout", words->timeout, "Seconds that a run may take (3600)")
      ->type_name("SECONDS")
      ->check(CLI::Range(1, 28800));
  AddText(command, "--git-access-token", &words->git_access_token, "TOKEN",
          "Token that the source is fetched with, and statuses are posted back with");
}

void AddArgumentOptions(CLI::App& command, StepWords* words) {
  AddRepeated(command, "--arg", &words->args, "NAME[=VALUE]", "Build argument; without value, from the environment")
      ->check(CheckPair);
  AddRepeated(command, "--secret-arg", &words->secret_args, "NAME[=VALUE]",
              "Build argument that is stored encrypted and never shown")
      ->check(CheckPair);
  AddText(command, "--target", &words->target, "STAGE", "Stage to build");
  AddRepeated(command, "--set", &words->set, "NAME[=VALUE]", "Value over those of the values file; repeatable")
      ->check(CheckPair);
  AddRepeated(command, "--set-secret", &words->set_secret, "NAME[=VALUE]",
              "Value that is stored encrypted and never shown; repeatable")
      ->check(CheckPair);
}

void AddSourceOptions(CLI::App& command, TriggerWords* words) {
  AddSwitch(command, "--commit-trigger-enabled", &words->commit, "Run on pushes (true for git contexts)");
  AddSwitch(command, "--pull-request-trigger-enabled", &words->pull_request, "Run on pull requests (false)");
  AddText(command, "--source-trigger-name", &words->source_name, "NAME",
          "Name of the trigger (defaultSourceTriggerName)");
  AddRepeated(command, "--branch", &words->branches, "GLOB",
              "Branches that count; of pull requests the target's (that of the context)");
  AddRepeated(command, "--tag-filter", &words->tags, "GLOB", "Tags that count (none)");
  AddRepeated(command, "--path-filter", &words->paths, "GLOB",
              "Paths of which one must have changed, as 'services/api/**', '!**/*.md'");
  AddSwitch(command, "--cancel-previous", &words->cancel_previous,
            "A newer commit cancels what still runs for an older one of its branch or pull request");
  AddText(command, "--forks", &words->forks, "POLICY",
          "Pull requests from forks: withoutSecrets (the default), ignore or trust")
      ->check(CheckEnum<v1::ForkPolicy>);
}

void AddTimerOptions(CLI::App& command, TriggerWords* words) {
  AddRepeated(command, "--schedule", &words->schedules, "[NAME:]CRON",
              "Run at times: 'minute hour day month weekday'; repeatable, names are t1, t2, …");
  AddText(command, "--time-zone", &words->time_zone, "ZONE", "Time zone of the schedules, as Europe/Berlin (UTC)");
  AddText(command, "--missed", &words->missed, "HOW",
          "What became due while the daemon was down runs 'once' (the default), or 'skip'")
      ->check(CheckEnum<v1::MissedTimer>);
}

void AddBaseImageOptions(CLI::App& command, TriggerWords* words) {
  AddSwitch(command, "--base-image-trigger-enabled", &words->base_enabled, "Run when a base image moves (true)");
  AddText(command, "--base-image-trigger-name", &words->base_name, "NAME",
          "Name of the trigger (defaultBaseimageTriggerName)");
  AddText(command, "--base-image-trigger-type", &words->base_type, "TYPE",
          "Runtime: the base of the last stage (the default); All: those of all stages")
      ->check(CheckEnum<v1::BaseImageTriggerType>);
  AddText(command, "--update-trigger-endpoint", &words->endpoint, "URL", "Is told about updates that start a run");
  AddText(command, "--update-trigger-payload-type", &words->payload_type, "TYPE", "What it is told: Default or Token")
      ->check(CLI::IsMember({"Default", "Token"}, CLI::ignore_case));
  AddText(command, "--rebase", &words->rebase, "POLICY",
          "whenSafe: exchange the layers of the base where nothing above depends on them; never: build anew")
      ->check(CheckEnum<v1::RebasePolicy>);
}

}  // namespace

CLI::Option* AddTaskName(CLI::App& command, std::string* name) {
  return command.add_option("-n,--name", *name, "Name of the task")->type_name("NAME")->required();
}

CLI::Option* AddSwitch(CLI::App& command, const std::string& name, std::optional<bool>* value,
                       const std::string& help) {
  return command
      .add_option_function<std::string>(
          name, [value](const std::string& text) { *value = text == "true"; }, help)
      ->type_name("[true|false]")
      ->expected(0, 1)
      ->default_str("true")
      ->transform(CLI::IsMember({"true", "false"}, CLI::ignore_case));
}

void AddTaskOptions(CLI::App& command, TaskWords* words) {
  AddTaskName(command, &words->name);
  AddStepOptions(command, &words->step);
  AddArgumentOptions(command, &words->step);
  command.add_option("--status", words->status, "Disabled: no trigger starts it (Enabled)")
      ->type_name("STATUS")
      ->check(CheckEnum<v1::TaskStatus>);
  AddSourceOptions(command, &words->triggers);
  AddTimerOptions(command, &words->triggers);
  AddBaseImageOptions(command, &words->triggers);
  AddFormOption(command, &words->form);
  AddAcrOptions(command, &words->acr);
}

void AddOverrideOptions(CLI::App& command, StepWords* words) {
  AddText(command, "-c,--context", &words->context, "CONTEXT",
          "Another source for this run: a URL, or a folder, which is sent first");
  AddText(command, "-f,--file", &words->file, "FILE", "Another Dockerfile or task file of the source");
  AddArgumentOptions(command, words);
}

}  // namespace slipway::cli
