#include "executor/dockerfile/expand.h"

#include "executor/base/fs.h"
#include "executor/dockerfile/heredoc.h"
#include "executor/dockerfile/mount.h"

namespace slipway::dockerfile {

namespace {

// One overload an instruction that has something to expand.
class Expanding {
 public:
  Expanding(const WordExpander& expander, std::string* fault) : expander_(expander), fault_(fault) {}

  Status operator()(EnvInstruction& env) const { return Pairs(&env.pairs); }
  Status operator()(LabelInstruction& label) const { return Pairs(&label.pairs); }
  Status operator()(WorkdirInstruction& workdir) const { return Word(&workdir.path); }
  Status operator()(UserInstruction& user) const { return Word(&user.user); }
  Status operator()(StopsignalInstruction& stopsignal) const { return Word(&stopsignal.signal); }
  Status operator()(VolumeInstruction& volume) const { return EachWord(&volume.paths); }

  Status operator()(CopyInstruction& copy) const {
    SLIPWAY_RETURN_IF_ERROR(Word(&copy.chown));
    SLIPWAY_RETURN_IF_ERROR(Word(&copy.chmod));
    return Sources(&copy.sources);
  }

  Status operator()(AddInstruction& add) const {
    SLIPWAY_RETURN_IF_ERROR(Word(&add.chown));
    SLIPWAY_RETURN_IF_ERROR(Word(&add.chmod));
    SLIPWAY_RETURN_IF_ERROR(Word(&add.checksum));
    return Sources(&add.sources);
  }

  Status operator()(RunInstruction& run) const {
    run.mounts.clear();
    for (const std::string& flag : run.mount_flags) {
      SLIPWAY_ASSIGN_OR_RETURN(Mount mount, ParseMount(flag, &expander_, fault_));
      run.mounts.push_back(std::move(mount));
    }
    return {};
  }

  Status operator()(ExposeInstruction& expose) const {
    std::vector<std::string> ports;
    for (const std::string& port : expose.ports) {
      Result<std::vector<std::string>> words = expander_.Words(port);
      if (!words.ok()) return Blame(port, std::move(words).status());
      ports.insert(ports.end(), words->begin(), words->end());
    }
    expose.ports = std::move(ports);
    return {};
  }

  Status operator()(ArgInstruction&) const { return {}; }
  Status operator()(CmdInstruction&) const { return {}; }
  Status operator()(EntrypointInstruction&) const { return {}; }
  Status operator()(HealthcheckInstruction&) const { return {}; }
  Status operator()(MaintainerInstruction&) const { return {}; }
  Status operator()(OnbuildInstruction&) const { return {}; }
  Status operator()(ShellInstruction&) const { return {}; }

 private:
  Status Blame(const std::string& word, Status status) const {
    if (fault_ != nullptr) *fault_ = word;
    return status;
  }

  Status Word(std::string* word) const {
    Result<std::string> expanded = expander_.Word(*word);
    if (!expanded.ok()) return Blame(*word, std::move(expanded).status());
    *word = *std::move(expanded);
    return {};
  }

  Status EachWord(std::vector<std::string>* words) const {
    for (std::string& word : *words) SLIPWAY_RETURN_IF_ERROR(Word(&word));
    return {};
  }

  Status Pairs(std::vector<KeyValue>* pairs) const {
    for (KeyValue& pair : *pairs) {
      SLIPWAY_RETURN_IF_ERROR(Word(&pair.key));
      SLIPWAY_RETURN_IF_ERROR(Word(&pair.value));
    }
    return {};
  }

  Status Sources(CopySources* sources) const {
    SLIPWAY_RETURN_IF_ERROR(EachWord(&sources->paths));
    SLIPWAY_RETURN_IF_ERROR(Word(&sources->destination));
    for (InlineFile& file : sources->files) {
      if (!file.expand) continue;
      SLIPWAY_ASSIGN_OR_RETURN(file.content, expander_.Body(file.content));
    }
    return {};
  }

  const WordExpander& expander_;
  std::string* const fault_;
};

}  // namespace

Status Expand(Instruction& instruction, const WordExpander& expander, std::string* fault) {
  return std::visit(Expanding(expander, fault), instruction);
}

Result<RunScript> ScriptOf(const CommandLine& command) {
  if (command.json_form) return Internal("the JSON form of RUN has no script");
  const std::string text = command.args.empty() ? "" : command.args[0];
  if (command.heredocs.empty()) return RunScript{text, std::nullopt};
  const Heredoc& first = command.heredocs[0];
  const Result<std::optional<Heredoc>> only = ParseHeredocWord(text);
  if (!only.ok() || !only->has_value()) {
    // The shell has heredocs itself.
    std::string full = text;
    for (const Heredoc& heredoc : command.heredocs) full += "\n" + heredoc.content + heredoc.name;
    return RunScript{std::move(full), std::nullopt};
  }
  std::string content = first.strip_tabs ? StripLeadingTabs(first.content) : first.content;
  if (!first.content.starts_with("#!")) return RunScript{std::move(content), std::nullopt};
  return RunScript{fs::Clean(fs::Join("/dev/pipes", first.name)), InlineFile{first.name, std::move(content), false}};
}

}  // namespace slipway::dockerfile
