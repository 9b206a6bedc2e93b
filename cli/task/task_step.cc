#include "cli/task/task_step.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "cli/argument_words.h"
#include "cli/dockerfile_choice.h"
#include "cli/platform.h"
#include "cli/source_location.h"
#include "cli/task_choice.h"
#include "executor/base/fs.h"
#include "executor/base/utf8.h"

namespace slipway::cli {

namespace {

using google::protobuf::RepeatedPtrField;

constexpr int kDefaultTimeout = 3600;
constexpr uint64_t kMaxValuesBytes = 1U << 20;
constexpr std::string_view kNoContext = "/dev/null";

enum class Kind { kDocker, kFile, kEncoded };

Result<SourceLocation> ContextOf(const std::string& context) {
  SLIPWAY_ASSIGN_OR_RETURN(SourceLocation source, ClassifySource(context));
  if (source.kind == SourceKind::kFolder || source.kind == SourceKind::kStdin) {
    return InvalidArgument(
        "a task runs when nobody is there to send '{}': its context must be a git or tarball URL, an oci:// artifact "
        "or "
        "/dev/null. For a single run, give the folder to 'slipway task run --context' or 'slipway build'",
        context);
  }
  if (source.kind == SourceKind::kNone) source.text = kNoContext;
  return source;
}

Kind KindOf(const v1::Task& task) {
  return task.has_docker_build() ? Kind::kDocker : task.has_file_task() ? Kind::kFile : Kind::kEncoded;
}

Result<Kind> KindOf(const StepWords& words, const SourceLocation& source) {
  if (words.cmd && words.file) {
    return InvalidArgument(
        "Task can be created with either --cmd myCommand -c /dev/null or -f myFile -c myContext, but not both.");
  }
  if (source.kind == SourceKind::kRemote && !words.file) return InvalidArgument("missing --file/-f argument");
  if (words.cmd) return Kind::kEncoded;
  if (!words.file) return InvalidArgument("there is nothing to run: give --cmd or --file");
  if (*words.file != "-" && !IsTaskFile(*words.file)) return Kind::kDocker;
  return source.kind == SourceKind::kRemote ? Kind::kFile : Kind::kEncoded;
}

// Options that a step of the kind has no use for.
Status CheckFit(const StepWords& words, Kind kind) {
  const auto refuse = [](bool given, const char* name, const char* why) {
    return given ? InvalidArgument("{} {}", name, why) : Status();
  };
  if (kind == Kind::kDocker) {
    constexpr const char* kWhy = "is for task files; a Dockerfile takes --arg and --secret-arg";
    SLIPWAY_RETURN_IF_ERROR(refuse(!words.set.empty(), "--set", kWhy));
    SLIPWAY_RETURN_IF_ERROR(refuse(!words.set_secret.empty(), "--set-secret", kWhy));
    return refuse(words.values.has_value(), "--values", kWhy);
  }
  constexpr const char* kWhy = "is for Dockerfiles; what a task file builds stands in its steps, and takes --set";
  SLIPWAY_RETURN_IF_ERROR(refuse(!words.images.empty(), "--image", kWhy));
  SLIPWAY_RETURN_IF_ERROR(refuse(!words.args.empty(), "--arg", kWhy));
  SLIPWAY_RETURN_IF_ERROR(refuse(!words.secret_args.empty(), "--secret-arg", kWhy));
  SLIPWAY_RETURN_IF_ERROR(refuse(words.target.has_value(), "--target", kWhy));
  SLIPWAY_RETURN_IF_ERROR(refuse(words.no_push.has_value(), "--no-push", kWhy));
  SLIPWAY_RETURN_IF_ERROR(refuse(words.no_cache.has_value(), "--no-cache", kWhy));
  return refuse(words.platforms.size() > 1, "more than one --platform", kWhy);
}

Result<std::string> ReadText(const std::string& path, uint64_t most, std::string_view what) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string text, fs::ReadFile(path, most).With(what));
  return utf8::Repair(text);
}

// The text of a task without source.
Status FillContent(const StepWords& words, v1::EncodedTaskRequest* task) {
  if (words.cmd) {
    task->set_task_name("cmd");
    task->set_task_content(TaskOfCommand(*words.cmd, words.timeout.value_or(kDefaultTimeout)));
    return {};
  }
  SLIPWAY_ASSIGN_OR_RETURN(const TaskChoice choice, ChooseTask({.kind = SourceKind::kNone}, *words.file, STDIN_FILENO));
  task->set_task_name(choice.name);
  task->set_task_content(choice.content.value_or(""));
  return {};
}

Status FillDockerfile(const StepWords& words, const SourceLocation& source, v1::DockerBuildRequest* build) {
  if (source.kind == SourceKind::kRemote) {
    build->set_docker_file_path(*words.file);
    return {};
  }
  build->set_docker_file_path(std::string(fs::BaseName(*words.file)));
  SLIPWAY_ASSIGN_OR_RETURN(*build->mutable_docker_file_content(),
                           ReadText(*words.file, kMaxDockerfileBytes, "read the Dockerfile"));
  return {};
}

// Arguments or values: each of the two kinds replaces those of its kind, and leaves the others.
void ReplaceArguments(const std::vector<std::string>& plain, const std::vector<std::string>& secret, Unsaid unsaid,
                      const RepeatedPtrField<v1::Argument>& was, RepeatedPtrField<v1::Argument>* out) {
  for (const v1::Argument& argument : was) {
    if (!(argument.is_secret() ? secret : plain).empty()) continue;
    v1::Argument* kept = out->Add();
    *kept = argument;
    if (kept->is_secret()) kept->set_value("***");
  }
  AppendArguments(plain, false, unsaid, out);
  AppendArguments(secret, true, unsaid, out);
}

// Sets what the words say of a step and names each as a path.
class Change {
 public:
  Change(const StepWords& words, v1::UpdateTaskRequest* request) : words_(words), request_(*request) {}

  void Name(std::string_view field) { request_.mutable_update_mask()->add_paths(fmt::format("step.{}", field)); }

  // What steps of all kinds have.
  template <typename Step>
  void Common(const SourceLocation& source, Step* step) {
    if (words_.context) {
      step->set_source_location(source.text);
      Name("source_location");
    }
    if (words_.timeout) {
      step->mutable_timeout()->set_seconds(*words_.timeout);
      Name("timeout");
    }
  }

  void Build(const SourceLocation& source, const v1::DockerBuildRequest& was, v1::DockerBuildRequest* build) {
    Common(source, build);
    if (!words_.images.empty()) {
      for (const std::string& name : words_.images) build->add_image_names(name);
      Name("image_names");
    }
    if (!words_.args.empty() || !words_.secret_args.empty()) {
      ReplaceArguments(words_.args, words_.secret_args, Unsaid::kEnvironment, was.arguments(),
                       build->mutable_arguments());
      Name("arguments");
    }
    if (words_.target) {
      build->set_target(*words_.target);
      Name("target");
    }
    if (words_.no_push) {
      build->set_is_push_enabled(!*words_.no_push);
      Name("is_push_enabled");
    }
    if (words_.no_cache) {
      build->set_no_cache(*words_.no_cache);
      Name("no_cache");
    }
    if (!words_.platforms.empty()) {
      for (const std::string& platform : words_.platforms) *build->add_platforms() = ParsePlatform(platform);
      Name("platforms");
    }
  }

  template <typename Step>
  void Values(const Step& was, Step* step) {
    if (!words_.set.empty() || !words_.set_secret.empty()) {
      ReplaceArguments(words_.set, words_.set_secret, Unsaid::kEmpty, was.values(), step->mutable_values());
      Name("values");
    }
    if (!words_.platforms.empty()) {
      *step->mutable_platform() = ParsePlatform(words_.platforms.front());
      Name("platform");
    }
  }

 private:
  const StepWords& words_;
  v1::UpdateTaskRequest& request_;
};

// A step of another kind: made anew, with the words that `was` still answers.
Status ReplaceStep(const StepWords& words, const v1::Task& was, Kind kind, v1::UpdateTaskRequest* request) {
  StepWords whole = words;
  if (!whole.context) whole.context = words.cmd ? std::string(kNoContext) : SourceOf(was);
  SLIPWAY_RETURN_IF_ERROR(FillStep(whole, request->mutable_task()));
  v1::Task* task = request->mutable_task();
  const google::protobuf::Duration* timeout = was.has_docker_build() ? &was.docker_build().timeout()
                                              : was.has_file_task()  ? &was.file_task().timeout()
                                                                     : &was.encoded_task().timeout();
  const bool keep = !words.timeout && timeout->seconds() > 0;
  switch (kind) {
    case Kind::kDocker:
      if (keep) *task->mutable_docker_build()->mutable_timeout() = *timeout;
      request->mutable_update_mask()->add_paths("docker_build");
      break;
    case Kind::kFile:
      if (keep) *task->mutable_file_task()->mutable_timeout() = *timeout;
      request->mutable_update_mask()->add_paths("file_task");
      break;
    case Kind::kEncoded:
      if (keep) *task->mutable_encoded_task()->mutable_timeout() = *timeout;
      request->mutable_update_mask()->add_paths("encoded_task");
      break;
  }
  return {};
}

}  // namespace

bool IsTaskFile(std::string_view file) {
  constexpr std::array<std::string_view, 16> kSuffixes = {".yaml", ".yml", ".toml", ".json", ".sh",  ".bash",
                                                          ".zsh",  ".ps1", ".ps",   ".cmd",  ".bat", ".ts",
                                                          ".js",   ".php", ".py",   ".rb"};
  return file == "-" || file.ends_with(".lua") ||
         std::any_of(kSuffixes.begin(), kSuffixes.end(), [&](std::string_view s) { return file.ends_with(s); });
}

bool IsGitSource(std::string_view source) {
  source = source.substr(0, source.find('#'));
  if (source.empty() || source == kNoContext || source.starts_with("oci://")) return false;
  const std::string_view file = source.substr(std::min(source.rfind('/'), source.size() - 1) + 1);
  return !source.starts_with("upload:") && !file.ends_with(".tgz") && file.find(".tar") == std::string_view::npos;
}

const std::string& SourceOf(const v1::Task& task) {
  return task.has_docker_build() ? task.docker_build().source_location()
         : task.has_file_task()  ? task.file_task().source_location()
                                 : task.encoded_task().source_location();
}

Status FillStep(const StepWords& words, v1::Task* task) {
  SLIPWAY_ASSIGN_OR_RETURN(const SourceLocation source, ContextOf(words.context.value_or("")));
  SLIPWAY_ASSIGN_OR_RETURN(const Kind kind, KindOf(words, source));
  SLIPWAY_RETURN_IF_ERROR(CheckFit(words, kind));
  v1::UpdateTaskRequest unused;
  Change change(words, &unused);
  if (kind == Kind::kDocker) {
    v1::DockerBuildRequest* build = task->mutable_docker_build();
    SLIPWAY_RETURN_IF_ERROR(FillDockerfile(words, source, build));
    change.Build(source, {}, build);
  } else if (kind == Kind::kFile) {
    v1::FileTaskRequest* file = task->mutable_file_task();
    file->set_task_file_path(*words.file);
    file->set_values_file_path(words.values.value_or(""));
    change.Common(source, file);
    change.Values({}, file);
  } else {
    v1::EncodedTaskRequest* encoded = task->mutable_encoded_task();
    SLIPWAY_RETURN_IF_ERROR(FillContent(words, encoded));
    if (words.values) {
      SLIPWAY_ASSIGN_OR_RETURN(*encoded->mutable_values_content(),
                               ReadText(*words.values, kMaxValuesBytes, "read the values file"));
    }
    change.Common(source, encoded);
    change.Values({}, encoded);
  }
  return {};
}

Status ChangeStep(const StepWords& words, const v1::Task& was, v1::UpdateTaskRequest* request) {
  const std::string context = words.context ? *words.context : SourceOf(was);
  SLIPWAY_ASSIGN_OR_RETURN(const SourceLocation source, ContextOf(context.empty() ? std::string(kNoContext) : context));
  Kind kind = KindOf(was);
  if (words.cmd || words.file) {
    SLIPWAY_ASSIGN_OR_RETURN(kind, KindOf(words, words.cmd ? SourceLocation{.kind = SourceKind::kNone} : source));
  }
  SLIPWAY_RETURN_IF_ERROR(CheckFit(words, kind));
  if (kind != KindOf(was)) return ReplaceStep(words, was, kind, request);
  Change change(words, request);
  v1::Task* task = request->mutable_task();
  if (kind == Kind::kDocker) {
    v1::DockerBuildRequest* build = task->mutable_docker_build();
    if (words.file) {
      SLIPWAY_RETURN_IF_ERROR(FillDockerfile(words, source, build));
      change.Name("docker_file_path");
      if (!build->docker_file_content().empty() || !was.docker_build().docker_file_content().empty()) {
        change.Name("docker_file_content");
      }
    }
    change.Build(source, was.docker_build(), build);
  } else if (kind == Kind::kFile) {
    v1::FileTaskRequest* file = task->mutable_file_task();
    if (words.file) {
      file->set_task_file_path(*words.file);
      change.Name("task_file_path");
    }
    if (words.values) {
      file->set_values_file_path(*words.values);
      change.Name("values_file_path");
    }
    change.Common(source, file);
    change.Values(was.file_task(), file);
  } else {
    v1::EncodedTaskRequest* encoded = task->mutable_encoded_task();
    if (words.cmd || words.file) {
      SLIPWAY_RETURN_IF_ERROR(FillContent(words, encoded));
      change.Name("task_name");
      change.Name("task_content");
    }
    if (words.values) {
      SLIPWAY_ASSIGN_OR_RETURN(*encoded->mutable_values_content(),
                               ReadText(*words.values, kMaxValuesBytes, "read the values file"));
      change.Name("values_content");
    }
    change.Common(source, encoded);
    change.Values(was.encoded_task(), encoded);
  }
  if (request->update_mask().paths().empty()) task->clear_step();
  return {};
}

}  // namespace slipway::cli
