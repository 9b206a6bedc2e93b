// slipway run: its options, and the request that they make.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <vector>

#include "cli/argument_words.h"
#include "cli/build_job.h"
#include "cli/command.h"
#include "cli/task_choice.h"
#include "executor/base/ascii.h"
#include "executor/base/fs.h"
#include "executor/base/utf8.h"

namespace slipway::cli {

namespace {

constexpr uint64_t kMaxValuesBytes = 1U << 20;

struct Words {
  std::string file, cmd, values, platform, progress = "auto";
  std::vector<std::string> set, set_secret;
  bool no_wait = false, no_logs = false, strict = false;
  int timeout = 0;
  BuildOptions options;
};

// "os[/arch[/variant]]"; the daemon says what is wrong with it.
void FillPlatform(std::string text, v1::Platform* platform) {
  text = LowerAscii(text);
  const size_t first = std::min(text.find('/'), text.size());
  const size_t second = std::min(text.find('/', first + 1), text.size());
  platform->set_os(text.substr(0, first));
  platform->set_architecture(first == text.size() ? "amd64" : text.substr(first + 1, second - first - 1));
  if (second < text.size()) platform->set_variant(text.substr(second + 1));
}

template <typename Request>
void FillCommon(const Words& words, Request* request) {
  AppendArguments(words.set, false, Unsaid::kEmpty, request->mutable_values());
  AppendArguments(words.set_secret, true, Unsaid::kEmpty, request->mutable_values());
  if (!words.platform.empty()) FillPlatform(words.platform, request->mutable_platform());
  if (words.timeout > 0) request->mutable_timeout()->set_seconds(words.timeout);
  request->set_strict(words.strict);
}

// The values file: of the source if it is there, else sent along.
struct ValuesChoice {
  std::string path;
  std::string content;
};

Result<ValuesChoice> ChooseValues(const SourceLocation& source, const std::string& file, bool sent_along) {
  ValuesChoice choice;
  if (file.empty()) return choice;
  const std::string path = fs::Clean(file);
  const bool inside = !path.starts_with('/') && !path.starts_with("..");
  if (!sent_along && inside && source.kind == SourceKind::kRemote) {
    choice.path = path;
    return choice;
  }
  Result<std::string> text = fs::ReadFile(file, kMaxValuesBytes);
  if (!text.ok() && source.kind == SourceKind::kFolder && inside) {
    text = fs::ReadFile(fs::Join(source.text, path), kMaxValuesBytes);
  }
  if (!text.ok()) return std::move(text).status().With("read the values file");
  choice.content = utf8::Repair(*text);
  return choice;
}

Result<TaskRequest> MakeRequest(const Words& words) {
  SLIPWAY_ASSIGN_OR_RETURN(const SourceLocation source, ClassifySource(words.options.context));
  if (source.kind == SourceKind::kStdin) {
    return InvalidArgument(
        "the source '-' is for 'slipway build'; give a folder, a URL or /dev/null (a task file on standard "
        "input is -f -)");
  }
  TaskChoice choice;
  if (!words.cmd.empty()) {
    choice.name = "cmd";
    choice.content = TaskOfCommand(words.cmd, words.timeout);
  } else {
    SLIPWAY_ASSIGN_OR_RETURN(choice, ChooseTask(source, words.file, STDIN_FILENO));
  }
  TaskRequest out;
  out.host_path = choice.host_path;
  SLIPWAY_ASSIGN_OR_RETURN(const ValuesChoice values, ChooseValues(source, words.values, choice.content.has_value()));
  if (choice.content) {
    v1::EncodedTaskRequest* request = out.request.mutable_encoded_task();
    request->set_task_name(choice.name);
    request->set_task_content(*choice.content);
    request->set_values_content(values.content);
    FillCommon(words, request);
  } else {
    v1::FileTaskRequest* request = out.request.mutable_file_task();
    request->set_task_file_path(choice.name);
    request->set_values_file_path(values.path);
    request->set_values_content(values.content);
    FillCommon(words, request);
  }
  return out;
}

int Run(const CommandLine& line, Words& words) {
  BuildOptions& options = words.options;
  options.server = line.server;
  options.wait = !words.no_wait;
  options.logs = !words.no_logs;
  options.progress = ParseProgress(words.progress);
  Result<TaskRequest> request = MakeRequest(words);
  if (!request.ok()) return Fail(request.status());
  request->dry_run = options.task && options.task->dry_run;
  options.task = std::move(*request);
  return RunBuild(std::move(options));
}

void AddOptions(CLI::App* command, Words* words) {
  words->options.task.emplace();
  CLI::Option* file =
      command->add_option("-f,--file", words->file,
                          "Task file: in the source, else of the current folder; '-' reads it from standard "
                          "input (acb.yaml)");
  file->type_name("FILE");
  command->add_option("--cmd", words->cmd, "Run this one command instead of a task file: IMAGE ARGUMENTS")
      ->type_name("CMD")
      ->excludes(file);
  command->add_option("--values", words->values, "Values file (YAML): templates see it as .Values")->type_name("FILE");
  command->add_option("--set", words->set, "Value over those of the file; repeatable")
      ->type_name("NAME[=VALUE]")
      ->allow_extra_args(false)
      ->check(CheckPair);
  command->add_option("--set-secret", words->set_secret, "Value that logs do not show; repeatable")
      ->type_name("NAME[=VALUE]")
      ->allow_extra_args(false)
      ->check(CheckPair);
  command->add_option("--platform", words->platform, "Platform of the run")->type_name("OS[/ARCH[/VARIANT]]");
  command->add_option("--timeout", words->timeout, "Seconds that the run may take")
      ->type_name("SECONDS")
      ->check(CLI::Range(1, 28800));
  command->add_flag("--strict", words->strict, "Refuse a task file with unknown keys");
  command->add_flag("--dry-run", words->options.task->dry_run, "Print the rendered file and the steps; run nothing");
  AddRunFlags(*command, &words->no_wait, &words->no_logs, &words->progress);
  AddOutputOption(*command, &words->options.output.format);
  command
      ->add_option("CONTEXT", words->options.context,
                   "Source of the steps' /workspace: folder, git or tarball URL, /dev/null")
      ->required()
      ->type_name("");
}

}  // namespace

void AddRun(CommandLine& line) {
  auto words = std::make_shared<Words>();
  CLI::App* command = line.app->add_subcommand("run", "Run a task file: steps that build, push and run containers");
  AddOptions(command, words.get());
  command->callback([&line, words] { line.run = [&line, words] { return Run(line, *words); }; });
}

}  // namespace slipway::cli
