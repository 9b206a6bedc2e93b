// The instructions of a stage that edit the image config; WORKDIR, which also makes a folder, is among them.
#include <algorithm>

#include "executor/base/fs.h"
#include "executor/dockerfile/config_values.h"
#include "executor/dockerfile/expand.h"
#include "executor/dockerfile/go_text.h"
#include "executor/dockerfile/lower_stage.h"

namespace slipway::dockerfile {

namespace {

// The last value given for a build arg.
const std::string* BuildArg(const LowerOptions& options, std::string_view name) {
  const std::string* found = nullptr;
  for (const auto& [key, value] : options.build_args) {
    if (key == name) found = &value;
  }
  return found;
}

// Go's %q of a whole number, which history shows for HEALTHCHECK's retries.
std::string QuotedRune(int32_t value) {
  if (value >= 0x20 && value < 0x7f) return fmt::format("'{}'", static_cast<char>(value));
  return value < 0x100 ? fmt::format("'\\x{:02x}'", value) : fmt::format("'\\u{:04x}'", value);
}

}  // namespace

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

}  // namespace slipway::dockerfile
