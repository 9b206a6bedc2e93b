#include "executor/dockerfile/lower_stage.h"

#include <algorithm>

#include "executor/base/fs.h"
#include "executor/dockerfile/expand.h"

namespace slipway::dockerfile {

namespace {

bool MakesVertex(const Instruction& instruction) {
  return std::holds_alternative<RunInstruction>(instruction) || std::holds_alternative<CopyInstruction>(instruction) ||
         std::holds_alternative<AddInstruction>(instruction) || std::holds_alternative<WorkdirInstruction>(instruction);
}

}  // namespace

StageLowering::StageLowering(Place place, const LowerOptions& options, const Env& global_args, StageResult base,
                             FromLookup from)
    : place_(std::move(place)),
      options_(options),
      global_args_(global_args),
      from_(std::move(from)),
      state_(std::move(base)),
      env_(state_.image.config.env),
      args_(state_.args),
      checks_(options.checks, options.ignore_patterns, state_.workdir_set) {
  for (const auto& [name, value] : state_.arg_values.pairs()) env_.Set(name, value);
  std::string& workdir = state_.image.config.working_dir;
  if (!workdir.empty() && !workdir.starts_with('/')) workdir = fs::Clean("/" + workdir);
}

Result<StageResult> StageLowering::Run() {
  const std::vector<Instruction>& instructions = place_.stage.instructions;
  steps_ += static_cast<int>(std::count_if(instructions.begin(), instructions.end(), MakesVertex));
  SLIPWAY_RETURN_IF_ERROR(RunTriggers());
  for (const Instruction& instruction : instructions) {
    if (Status status = Dispatch(instruction); !status.ok()) {
      return place_.dockerfile.source->At(BaseOf(instruction).range, status, fault_);
    }
  }
  if (state_.root == nullptr) state_.root = ScratchVertex();
  // A stage that stands on this one sees its ARGs.
  state_.args = args_;
  state_.workdir_set = checks_.workdir_set();
  for (const std::string& name : args_) {
    if (const auto value = env_.Get(name)) state_.arg_values.Set(name, *value);
  }
  return std::move(state_);
}

// What the base image wants done by who builds on it. Its text is nowhere in the file, so the FROM is pointed at.
Status StageLowering::RunTriggers() {
  std::vector<Instruction> triggers;
  const auto failed = [this](const Status& status, const std::string& trigger) {
    const std::string quoted = trigger.empty() ? "" : fmt::format("'{}': ", trigger);
    return place_.dockerfile.source->At(
        place_.stage.range, Status(status.code(), fmt::format("{}: {}{}", TriggerContext(), quoted, status.message())),
        place_.stage.base);
  };
  for (const std::string& trigger : std::exchange(state_.image.config.on_build, {})) {
    auto instruction = ParseOnbuild(trigger, place_.stage.range);
    if (!instruction.ok()) return failed(instruction.status(), "");  // it shows the text
    triggers.push_back(*std::move(instruction));
  }
  steps_ += static_cast<int>(std::count_if(triggers.begin(), triggers.end(), MakesVertex));
  in_trigger_ = true;
  for (const Instruction& trigger : triggers) {
    if (Status status = Dispatch(trigger); !status.ok()) return failed(status, BaseOf(trigger).original);
  }
  in_trigger_ = false;
  return Status();
}

std::string StageLowering::TriggerContext() const {
  return fmt::format("ONBUILD trigger of the base image '{}'", place_.base);
}

Status StageLowering::Dispatch(Instruction instruction) {
  const WordExpander expander(place_.dockerfile.escape(), [this](std::string_view name) { return env_.Get(name); });
  const std::vector<std::string> written = WordsOf(instruction);
  Status expanded = Expand(instruction, expander, &fault_);
  // EXPOSE with a variable that is not set exposes one port less, which is what such variables are for.
  if (!std::holds_alternative<ExposeInstruction>(instruction)) {
    checks_.Unset(BaseOf(instruction), expander.unmatched(), args_, env_);
  }
  SLIPWAY_RETURN_IF_ERROR(std::move(expanded));
  checks_.Look(instruction, state_.image.config);
  suspects_ = SuspectsOf(instruction, written, [this](std::string_view path) { return Absolute(path); });
  if (const auto* user = std::get_if<UserInstruction>(&instruction)) {
    state_.user = UserSuspects(user->user, user->range, written.front());
  }
  return std::visit([this](const auto& typed) { return Apply(typed); }, instruction);
}

// "user[:group]" of --chown.
graph::Owner OwnerOf(std::string_view chown) {
  const size_t colon = chown.find(':');
  return {std::string(chown.substr(0, colon)),
          colon == std::string_view::npos ? std::string() : std::string(chown.substr(colon + 1))};
}

// Where the file of a heredoc stands in the file system that is made for it alone, which has no folders.
Result<std::string> InlinePath(const std::string& name) {
  std::string path = fs::Clean("/" + name);
  if (path != "/" && path.find('/', 1) == std::string::npos) return path;
  return InvalidArgument("the heredoc '{}' cannot be a file of that name: it may hold no folder", name);
}

graph::VertexPtr StageLowering::Root() const { return state_.root != nullptr ? state_.root : ScratchVertex(); }

// A trigger of the base image stands where the FROM does.
graph::Position StageLowering::Here(const InstructionBase& base) const {
  StepBlame blame{.source = place_.dockerfile.source, .where = base.range, .suspects = suspects_};
  // Names of users are looked up when something runs as one, or makes a folder for one.
  blame.suspects.insert(blame.suspects.end(), state_.user.begin(), state_.user.end());
  if (in_trigger_) {
    blame.where = place_.stage.range;
    blame.word = place_.stage.base;
    blame.context = TriggerContext();
    blame.suspects.clear();
  }
  return PositionOf(std::move(blame));
}

graph::VertexInfo StageLowering::Info(const InstructionBase& base) {
  ++step_;
  const std::string total = std::to_string(steps_);
  std::string name = "[";
  if (options_.multi_platform) name += state_.platform.ToString() + " ";
  if (!place_.display.empty()) name += place_.display + " ";
  name += fmt::format("{:>{}}/{}] {}", step_, total.size(), total, base.original);
  return {.name = std::move(name),
          .position = Here(base),
          .platform = state_.platform,
          .no_cache = options_.no_cache,
          .place = {.stage = place_.display, .step = step_, .instruction = base.original}};
}

void StageLowering::AddVertex(graph::Op op, std::vector<graph::VertexPtr> inputs, const InstructionBase& base) {
  state_.root = graph::Make(std::move(op), std::move(inputs), Info(base));
}

void StageLowering::AddHistory(std::string text, bool layer) {
  oci::HistoryEntry entry;
  entry.created_by = std::move(text);
  entry.comment = "buildkit.dockerfile.v0";
  entry.empty_layer = !layer;
  state_.image.history.push_back(std::move(entry));
}

std::string StageLowering::Absolute(std::string_view path) const {
  const std::string& workdir = state_.image.config.working_dir;
  const std::string base = workdir.empty() ? "/" : workdir;
  return path.starts_with('/') ? fs::Clean(path) : fs::Clean(fmt::format("/{}/{}", base, path));
}

std::vector<std::string> StageLowering::ShellArgs(const CommandLine& command, const std::string& text) const {
  if (command.json_form) return command.args;
  std::vector<std::string> args = state_.image.config.shell.value_or(std::vector<std::string>());
  if (args.empty()) args = {"/bin/sh", "-c"};
  args.push_back(text);
  return args;
}

std::vector<std::string> StageLowering::CommandArgs(const CommandLine& command) const {
  return ShellArgs(command, command.args.empty() ? "" : command.args[0]);
}

}  // namespace slipway::dockerfile
