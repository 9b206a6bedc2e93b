#include "executor/dockerfile/lower_stage.h"

#include <algorithm>
#include <array>
#include <set>

#include "executor/base/ascii.h"
#include "executor/base/fs.h"
#include "executor/dockerfile/config_values.h"
#include "executor/dockerfile/expand.h"
#include "executor/dockerfile/go_text.h"
#include "executor/dockerfile/lent_mounts.h"
#include "executor/dockerfile/line_args.h"
#include "executor/source/context_source.h"
#include "executor/source/git_url.h"
#include "executor/source/http.h"

namespace slipway::dockerfile {

namespace {

constexpr std::string_view kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Build args that reach RUN without an ARG, and neither the cache key nor the history. They may be written in any case,
// and programs see them in lower and in upper case.
constexpr std::array<std::string_view, 5> kProxyArgs = {"http_proxy", "https_proxy", "ftp_proxy", "no_proxy",
                                                        "all_proxy"};

// The last value given for a build arg.
const std::string* BuildArg(const LowerOptions& options, std::string_view name) {
  const std::string* found = nullptr;
  for (const auto& [key, value] : options.build_args) {
    if (key == name) found = &value;
  }
  return found;
}

std::vector<std::string> ProxyVariables(const LowerOptions& options) {
  std::vector<std::string> out;
  for (const std::string_view name : kProxyArgs) {
    std::string value;
    for (const auto& [key, given] : options.build_args) {
      if (LowerAscii(key) == name) value = given;
    }
    if (value.empty()) continue;
    out.push_back(fmt::format("{}={}", UpperAscii(name), value));
    out.push_back(fmt::format("{}={}", name, value));
  }
  return out;
}

bool MakesVertex(const Instruction& instruction) {
  return std::holds_alternative<RunInstruction>(instruction) || std::holds_alternative<CopyInstruction>(instruction) ||
         std::holds_alternative<AddInstruction>(instruction) || std::holds_alternative<WorkdirInstruction>(instruction);
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

bool IsHttpUrl(std::string_view text) { return text.starts_with("http://") || text.starts_with("https://"); }
bool IsRemote(const std::string& text) { return IsHttpUrl(text) || source::IsGitUrl(text); }

// What an address says of a repository, a flag may say again, but not otherwise.
Status CheckGitFlags(const AddInstruction& add, const std::string& source) {
  if (!source::IsGitUrl(source)) return Status();
  const Result<source::GitUrl> url = source::GitUrl::Parse(source);
  if (!url.ok()) return Status();  // told by who fetches
  if (add.keep_git_dir == false && url->keep_git_dir) {
    return InvalidArgument("--keep-git-dir=false contradicts the address '{}'", url->Remote());
  }
  if (!add.checksum.empty() && !url->checksum.empty() && add.checksum != url->checksum) {
    return InvalidArgument("--checksum={} contradicts the address, which has {}", add.checksum, url->checksum);
  }
  return Status();
}

// Go's %q of a whole number, which history shows for HEALTHCHECK's retries.
std::string QuotedRune(int32_t value) {
  if (value >= 0x20 && value < 0x7f) return fmt::format("'{}'", static_cast<char>(value));
  return value < 0x100 ? fmt::format("'\\x{:02x}'", value) : fmt::format("'\\u{:04x}'", value);
}

// A Dockerfile gets such a permission from two people: the operator and whoever builds.
Status NotAllowed(std::string_view what, std::string_view entitlement, bool by_operator, std::string_view key) {
  if (by_operator) {
    return PermissionDenied("{} needs the entitlement {}, which the build was not given; give it with --allow {}", what,
                            entitlement, entitlement);
  }
  return PermissionDenied("{} needs the entitlement {}, which is not allowed here; the operator can allow it ({})",
                          what, entitlement, key);
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

// --- what instructions share
// ---------------------------------------------------------------------------------------------

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

// --- instructions that edit the config
// -----------------------------------------------------------------------------------

Status StageLowering::Apply(const EnvInstruction& env) {
  std::string text = "ENV";
  Env config(state_.image.config.env);
  for (const KeyValue& pair : env.pairs) {
    env_.Set(pair.key, pair.value);
    config.Set(pair.key, pair.value);
    text += fmt::format(" {}={}", pair.key, pair.value);
  }
  state_.image.config.env = config.List();
  AddHistory(std::move(text), false);
  return Status();
}

Status StageLowering::Apply(const LabelInstruction& label) {
  std::string text = "LABEL";
  for (const KeyValue& pair : label.pairs) {
    state_.image.config.labels[pair.key] = pair.value;
    text += fmt::format(" {}={}", pair.key, pair.value);
  }
  AddHistory(std::move(text), false);
  return Status();
}

Status StageLowering::Apply(const ArgInstruction& arg) {
  std::string text = "ARG";
  for (const ArgDefinition& definition : arg.args) {
    std::optional<std::string> value;
    if (const std::string* given = BuildArg(options_, definition.name)) {
      value = *given;
    } else if (definition.value) {
      const WordExpander expander(place_.dockerfile.escape(), [this](std::string_view name) { return env_.Get(name); });
      Result<std::string> word = expander.Word(*definition.value);
      checks_.Unset(arg, expander.unmatched(), args_, env_);
      if (!word.ok()) return Blame(*definition.value, std::move(word).status());
      value = *std::move(word);
    } else if (const auto global = global_args_.Get(definition.name)) {
      value = std::string(*global);
    }
    used_args_.push_back(definition.name);
    args_.push_back(definition.name);
    text += " " + definition.name;
    if (value) {
      if (!IsForTheBuilder(definition.name)) env_.Set(definition.name, *value);
      const bool secret = std::find(options_.secret_args.begin(), options_.secret_args.end(), definition.name) !=
                          options_.secret_args.end();
      text += secret ? "=***" : "=" + *value;
    }
  }
  AddHistory(std::move(text), false);
  return Status();
}

Status StageLowering::Apply(const CmdInstruction& cmd) {
  std::vector<std::string> args = CommandArgs(cmd.command);
  AddHistory("CMD " + QuoteList(args), false);
  state_.image.config.cmd = std::move(args);
  state_.image.config.args_escaped = true;
  cmd_set_ = true;
  return Status();
}

Status StageLowering::Apply(const EntrypointInstruction& entrypoint) {
  std::vector<std::string> args = CommandArgs(entrypoint.command);
  AddHistory("ENTRYPOINT " + QuoteList(args), false);
  state_.image.config.entrypoint = std::move(args);
  // The base's CMD was meant for the base's ENTRYPOINT.
  if (!cmd_set_) state_.image.config.cmd.reset();
  return Status();
}

Status StageLowering::Apply(const HealthcheckInstruction& check) {
  oci::Healthcheck out;
  out.test = check.test;
  out.interval = check.interval;
  out.timeout = check.timeout;
  out.start_period = check.start_period;
  out.start_interval = check.start_interval;
  out.retries = check.retries;
  state_.image.config.healthcheck = std::move(out);
  const auto duration = [](std::chrono::nanoseconds d) { return Quote(FormatDuration(d)); };
  AddHistory(fmt::format("HEALTHCHECK &{{{} {} {} {} {} {}}}", QuoteList(check.test), duration(check.interval),
                         duration(check.timeout), duration(check.start_period), duration(check.start_interval),
                         QuotedRune(check.retries)),
             false);
  return Status();
}

Status StageLowering::Apply(const OnbuildInstruction& trigger) {
  state_.image.config.on_build.push_back(trigger.expression);
  return Status();
}

Status StageLowering::Apply(const UserInstruction& user) {
  state_.image.config.user = user.user;
  AddHistory("USER " + user.user, false);
  return Status();
}

Status StageLowering::Apply(const ExposeInstruction& expose) {
  std::vector<std::string> all;
  for (const std::string& port : expose.ports) {
    const Result<std::vector<std::string>> parsed = ParseExposedPorts(port);
    if (!parsed.ok()) return Blame(port, parsed.status());
    for (const std::string& one : *parsed) {
      state_.image.config.exposed_ports.insert(one);
      all.push_back(one);
    }
  }
  AddHistory("EXPOSE " + PlainList(all), false);
  return Status();
}

Status StageLowering::Apply(const VolumeInstruction& volume) {
  for (const std::string& path : volume.paths) {
    if (path.empty()) return InvalidArgument("VOLUME needs a path that is not empty");
    state_.image.config.volumes.insert(path);
  }
  AddHistory("VOLUME " + PlainList(volume.paths), false);
  return Status();
}

Status StageLowering::Apply(const StopsignalInstruction& signal) {
  if (Status status = CheckSignal(signal.signal); !status.ok()) return Blame(signal.signal, std::move(status));
  state_.image.config.stop_signal = signal.signal;
  AddHistory("STOPSIGNAL " + signal.signal, false);
  return Status();
}

Status StageLowering::Apply(const ShellInstruction& shell) {
  state_.image.config.shell = shell.shell;
  AddHistory("SHELL " + PlainList(shell.shell), false);
  return Status();
}

Status StageLowering::Apply(const MaintainerInstruction& maintainer) {
  state_.image.author = maintainer.name;
  AddHistory("MAINTAINER " + maintainer.name, false);
  return Status();
}

Status StageLowering::Apply(const WorkdirInstruction& workdir) {
  const std::string path = Absolute(workdir.path);
  // The config keeps an absolute path as it was written.
  state_.image.config.working_dir = workdir.path.starts_with('/') ? workdir.path : path;
  // As in BuildKit, which compares the text: "//" makes a layer with nothing in it.
  const bool layer = state_.image.config.working_dir != "/";
  if (layer) {
    graph::MakeDirAction make;
    make.path = path;
    if (!state_.image.config.user.empty()) make.owner = OwnerOf(state_.image.config.user);
    make.mtime = 0;
    graph::FileOp op;
    op.actions.emplace_back(std::move(make));
    AddVertex(std::move(op), {Root()}, workdir);
  }
  AddHistory("WORKDIR " + state_.image.config.working_dir, layer);
  return Status();
}

// --- COPY and ADD
// --------------------------------------------------------------------------------------------------------

Result<StageLowering::CopyPiece> StageLowering::PieceOf(const CopyParts& parts) const {
  CopyPiece piece;
  const std::string& destination = parts.sources.destination;
  const bool folder =
      destination.empty() || destination == "." || destination.ends_with('/') || destination.ends_with("/.");
  piece.action.destination = Absolute(destination);
  if (folder && !piece.action.destination.ends_with('/')) piece.action.destination += '/';
  piece.action.mode = parts.chmod;
  piece.action.parents = parts.parents;
  piece.action.exclude = parts.excludes;
  if (!parts.chown.empty()) piece.action.owner = OwnerOf(parts.chown);
  return piece;
}

// COPY <<name: the files are made in a file system of their own and copied from there.
Status StageLowering::AddInlineFiles(const CopyParts& parts, std::vector<CopyPiece>& pieces) const {
  for (const InlineFile& file : parts.sources.files) {
    SLIPWAY_ASSIGN_OR_RETURN(CopyPiece piece, PieceOf(parts));
    graph::MakeFileAction make;
    SLIPWAY_ASSIGN_OR_RETURN(make.path, InlinePath(file.name));
    make.content = file.content;
    make.mtime = 0;
    piece.action.sources = {make.path};
    piece.action.wildcards = false;
    piece.action.parents = false;
    graph::FileOp op;
    op.actions.emplace_back(std::move(make));
    piece.from = graph::Make(std::move(op), {ScratchVertex()},
                             {.name = fmt::format("[internal] file '{}' of the Dockerfile", file.name)});
    pieces.push_back(std::move(piece));
  }
  return Status();
}

Status StageLowering::FinishCopy(const CopyParts& parts, std::vector<CopyPiece> pieces) {
  graph::FileOp op;
  op.link = parts.link && parts.chmod.empty();  // with --chmod BuildKit copies as if --link were not there
  std::vector<graph::VertexPtr> inputs = {Root()};
  for (CopyPiece& piece : pieces) {
    const auto known = std::find(inputs.begin() + 1, inputs.end(), piece.from);
    piece.action.input = static_cast<size_t>(known - inputs.begin());
    if (known == inputs.end()) inputs.push_back(piece.from);
    op.actions.emplace_back(std::move(piece.action));
  }
  AddVertex(std::move(op), std::move(inputs), parts.base);
  std::string text = parts.history;
  for (const std::string& path : parts.sources.paths) text += " " + path;
  for (const InlineFile& file : parts.sources.files) text += " <<" + file.name;
  AddHistory(fmt::format("{} {} # buildkit", text, parts.sources.destination), true);
  return Status();
}

Status StageLowering::Apply(const CopyInstruction& copy) {
  std::string history = "COPY";
  if (copy.parents) history += " --parents";
  if (!copy.chown.empty()) history += " --chown=" + copy.chown;
  if (!copy.chmod.empty()) history += " --chmod=" + copy.chmod;
  const CopyParts parts{copy, copy.sources, copy.chown, copy.chmod, copy.link, copy.parents, copy.excludes, history};
  const auto remote = std::find_if(copy.sources.paths.begin(), copy.sources.paths.end(), IsRemote);
  if (remote != copy.sources.paths.end()) {
    return Blame(*remote, InvalidArgument("COPY takes files only; what is behind an address comes with ADD"));
  }
  std::vector<CopyPiece> pieces;
  if (!copy.sources.paths.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(CopyPiece piece, PieceOf(parts));
    piece.action.sources = copy.sources.paths;
    Result<graph::VertexPtr> from = from_(copy.from, /*by_index=*/true);
    if (!from.ok()) return Blame("--from=" + copy.from, std::move(from).status());
    piece.from = *std::move(from);
    pieces.push_back(std::move(piece));
  }
  SLIPWAY_RETURN_IF_ERROR(AddInlineFiles(parts, pieces));
  return FinishCopy(parts, std::move(pieces));
}

Result<StageLowering::CopyPiece> StageLowering::RemotePiece(const AddInstruction& add, const CopyParts& parts,
                                                            const std::string& source) const {
  SLIPWAY_ASSIGN_OR_RETURN(CopyPiece piece, PieceOf(parts));
  piece.action.wildcards = false;
  const graph::VertexInfo info{.name = fmt::format("[internal] fetch {}", source), .position = Here(add)};
  if (source::IsGitUrl(source)) {
    graph::GitOp git;
    git.url = source;
    git.keep_git_dir = add.keep_git_dir.value_or(false);
    git.checksum = add.checksum;
    git.lent = options_.lent;
    piece.action.sources = {"/"};
    piece.from = graph::Make(std::move(git), {}, info);
    return piece;
  }
  graph::HttpOp http;
  http.url = source;
  if (!add.checksum.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(http.checksum, Digest::Parse(add.checksum));
  }
  http.name = source::FileNameOf(source);  // whatever the server calls it
  if (http.name.empty()) http.name = "__unnamed__";
  piece.action.sources = {"/" + http.name};
  piece.action.unpack = add.unpack.value_or(false);
  piece.from = graph::Make(std::move(http), {}, info);
  return piece;
}

Status StageLowering::Apply(const AddInstruction& add) {
  std::string history = "ADD";
  if (!add.chown.empty()) history += " --chown=" + add.chown;
  if (!add.chmod.empty()) history += " --chmod=" + add.chmod;
  const CopyParts parts{add, add.sources, add.chown, add.chmod, add.link, false, add.excludes, history};
  std::vector<CopyPiece> pieces;
  const bool remote = std::any_of(add.sources.paths.begin(), add.sources.paths.end(), IsRemote);
  if (!add.checksum.empty() && (!remote || add.sources.paths.size() != 1)) {
    return Blame("--checksum", InvalidArgument("--checksum can be given with one URL or git repository only"));
  }
  for (const std::string& source : add.sources.paths) {
    if (IsRemote(source)) {
      if (Status flags = CheckGitFlags(add, source); !flags.ok()) return Blame(source, std::move(flags));
      Result<CopyPiece> piece = RemotePiece(add, parts, source);
      if (!piece.ok()) return Blame("--checksum=" + add.checksum, std::move(piece).status().With("--checksum"));
      pieces.push_back(*std::move(piece));
      continue;
    }
    SLIPWAY_ASSIGN_OR_RETURN(CopyPiece piece, PieceOf(parts));
    piece.action.sources = {source};
    piece.action.unpack = add.unpack.value_or(true);
    SLIPWAY_ASSIGN_OR_RETURN(piece.from, from_("", /*by_index=*/false));
    pieces.push_back(std::move(piece));
  }
  SLIPWAY_RETURN_IF_ERROR(AddInlineFiles(parts, pieces));
  return FinishCopy(parts, std::move(pieces));
}

// --- RUN
// -----------------------------------------------------------------------------------------------------------------

std::string StageLowering::RunHistory(const std::vector<std::string>& args) const {
  std::vector<std::string> values;
  std::set<std::string_view> seen;
  for (const std::string& name : args_) {
    if (!seen.insert(name).second) continue;
    const bool secret =
        std::find(options_.secret_args.begin(), options_.secret_args.end(), name) != options_.secret_args.end();
    values.push_back(fmt::format("{}={}", name, secret ? "***" : env_.Get(name).value_or("")));
  }
  std::string text = "RUN";
  if (!values.empty()) text += fmt::format(" |{} {}", values.size(), fmt::join(values, " "));
  return fmt::format("{} {} # buildkit", text, fmt::join(args, " "));
}

Status StageLowering::AddMount(const Mount& mount, graph::ExecOp& op, std::vector<graph::VertexPtr>& inputs) {
  graph::ExecMount out;
  const AbsolutePath absolute = [this](std::string_view path) { return Absolute(path); };
  switch (mount.type) {
    case MountType::kBind: out.type = graph::MountType::kBind; break;
    case MountType::kCache: out.type = graph::MountType::kCache; break;
    case MountType::kTmpfs: out.type = graph::MountType::kTmpfs; break;
    case MountType::kSecret: {
      SLIPWAY_ASSIGN_OR_RETURN(out, SecretMount(mount, absolute));
      op.mounts.push_back(std::move(out));
      return Status();
    }
    case MountType::kSsh: {
      SLIPWAY_ASSIGN_OR_RETURN(out, SshMount(mount, absolute));
      op.mounts.push_back(std::move(out));
      return Status();
    }
  }
  const bool from_context = mount.type == MountType::kBind && mount.from.empty();
  if (from_context || !mount.from.empty()) {
    Result<graph::VertexPtr> from = from_(mount.from, /*by_index=*/false);
    if (!from.ok()) return Blame("from=" + mount.from, std::move(from).status());
    out.input = inputs.size();
    inputs.push_back(*std::move(from));
  }
  out.source = fs::Clean("/" + mount.source);
  out.read_only = mount.read_only;
  out.id = mount.id;
  // A cache is named by its target as written, wherever the working directory is.
  if (mount.type == MountType::kCache && out.id.empty()) out.id = mount.target.empty() ? "." : fs::Clean(mount.target);
  if (!options_.cache_namespace.empty()) out.id = fmt::format("{}/{}", options_.cache_namespace, out.id);
  switch (mount.sharing.value_or(CacheSharing::kShared)) {
    case CacheSharing::kShared: out.sharing = graph::CacheSharing::kShared; break;
    case CacheSharing::kPrivate: out.sharing = graph::CacheSharing::kPrivate; break;
    case CacheSharing::kLocked: out.sharing = graph::CacheSharing::kLocked; break;
  }
  out.size_bytes = static_cast<uint64_t>(std::max<int64_t>(mount.size_bytes, 0));
  // Owner and mode are of a folder that is made in place of the seed's root; a folder of the seed keeps its own.
  if (out.source == "/" && (mount.mode || mount.uid || mount.gid)) {
    out.mode = mount.mode.value_or(0755);
    out.uid = mount.uid.value_or(0);
    out.gid = mount.gid.value_or(0);
  }
  // A secret's or an agent's place has a default of its own; all else without a target is at the working directory.
  const bool own_default = mount.type == MountType::kSecret || mount.type == MountType::kSsh;
  if (!mount.target.empty() || !own_default) {
    out.target = Absolute(mount.target);
    if (out.target == "/")
      return Blame("--mount",
                   InvalidArgument("a mount of type {} cannot have the root as its target", MountTypeName(mount.type)));
  }
  op.mounts.push_back(std::move(out));
  return Status();
}

Status StageLowering::Apply(const RunInstruction& run) {
  graph::ExecOp op;
  std::vector<graph::VertexPtr> inputs = {Root()};
  std::string text;
  if (!run.command.json_form) {
    SLIPWAY_ASSIGN_OR_RETURN(RunScript script, ScriptOf(run.command));
    text = script.command;
    if (script.file) {
      graph::MakeFileAction make;
      SLIPWAY_ASSIGN_OR_RETURN(make.path, InlinePath(script.file->name));
      make.content = script.file->content;
      make.mode = 0755;
      make.mtime = 0;
      graph::FileOp file;
      file.actions.emplace_back(std::move(make));
      graph::ExecMount mount;
      mount.target = script.command;
      mount.read_only = true;
      mount.input = inputs.size();
      mount.source = "/" + script.file->name;
      op.mounts.push_back(std::move(mount));
      inputs.push_back(
          graph::Make(std::move(file), {ScratchVertex()}, {.name = "[internal] script of the Dockerfile"}));
    }
  }
  op.args = ShellArgs(run.command, text);
  for (const Mount& mount : run.mounts) SLIPWAY_RETURN_IF_ERROR(AddMount(mount, op, inputs));
  if (!run.devices.empty()) {
    return Blame("--device", Unimplemented("RUN --device is not supported: no host device is given to a build"));
  }
  Env env = env_;
  if (!env.Get("PATH")) env.Set("PATH", kDefaultPath);
  op.env = env.List();
  PlaceAgentSockets(op);
  op.lent = options_.lent;
  op.arg_names = args_;
  op.uncached_env = ProxyVariables(options_);
  op.cwd = fs::Clean("/" + state_.image.config.working_dir);
  op.user = state_.image.config.user;
  switch (run.network) {
    case NetworkMode::kDefault: op.network = options_.network; break;
    case NetworkMode::kNone: op.network = graph::Network::kNone; break;
    case NetworkMode::kHost: op.network = graph::Network::kHost; break;
  }
  if (op.network == graph::Network::kHost && !(options_.ask_host_network && options_.allow_host_network)) {
    return Blame("--network",
                 NotAllowed("RUN --network=host", "network.host", options_.allow_host_network, "allow_host_network"));
  }
  op.insecure = run.security == SecurityMode::kInsecure;
  if (op.insecure && !(options_.ask_insecure && options_.allow_insecure)) {
    return Blame("--security", NotAllowed("RUN --security=insecure", "security.insecure", options_.allow_insecure,
                                          "allow_insecure_security"));
  }
  op.extra_hosts = options_.extra_hosts;
  op.ulimits = options_.ulimits;
  op.shm_bytes = options_.shm_bytes;
  op.hostname = options_.hostname;
  const std::vector<std::string> args = op.args;
  AddVertex(std::move(op), std::move(inputs), run);
  AddHistory(RunHistory(args), true);
  return Status();
}

}  // namespace slipway::dockerfile
