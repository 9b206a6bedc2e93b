// StageLowering: walks the instructions of one stage and keeps what they change: the file system so far (a vertex), the
// image config, the environment, the history. Part of Lower (lower.h). The walk is in lower_stage.cc, the instructions
// are in lower_config.cc, lower_copy.cc and lower_run.cc.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "executor/dockerfile/blame.h"
#include "executor/dockerfile/env.h"
#include "executor/dockerfile/lower.h"
#include "executor/dockerfile/stage_checks.h"

namespace slipway::dockerfile {

/// A lowered stage, or what a stage starts from.
struct StageResult {
  graph::VertexPtr root;  ///< null: scratch
  oci::ImageConfig image;
  int base_layers = 0;
  std::optional<oci::Reference> base_image;  ///< the registry's image that it stands on, at the bottom
  oci::Platform platform;
  std::vector<std::string> args;  ///< names given by ARG, for history
  Env arg_values;
  bool workdir_set = false;   ///< by an instruction rather than by the base image
  std::vector<Suspect> user;  ///< the names of the last USER, where an instruction set it
};

/// Gives the file system that --from (or a mount's from) names; "" is the build context. Only COPY knows stages by
/// index.
using FromLookup = std::function<Result<graph::VertexPtr>(const std::string& name, bool by_index)>;

/// "user[:group]" of --chown or USER.
graph::Owner OwnerOf(std::string_view text);
/// Where the file of a heredoc stands in the file system that is made for it alone, which has no folders.
Result<std::string> InlinePath(const std::string& name);

class StageLowering {
 public:
  struct Place {
    const Dockerfile& dockerfile;
    const Stage& stage;
    size_t number = 0;    ///< of the stage, from 0
    std::string display;  ///< its name for people; "" if it is the only one
    std::string base;     ///< what it stands on, variables expanded
  };

  StageLowering(Place place, const LowerOptions& options, const Env& global_args, StageResult base, FromLookup from);

  /// All instructions of the stage, and before them the base's ONBUILD triggers.
  Result<StageResult> Run();

  /// Names of the build args that some ARG of the stage took.
  const std::vector<std::string>& used_args() const { return used_args_; }

 private:
  Status RunTriggers();
  Status Dispatch(Instruction instruction);
  /// Notes the word, as written, that an error is about: return Blame(word, InvalidArgument(…)).
  Status Blame(std::string_view word, Status error) {
    fault_ = word;
    return error;
  }
  Status Apply(const EnvInstruction& env);
  Status Apply(const LabelInstruction& label);
  Status Apply(const ArgInstruction& arg);
  Status Apply(const CopyInstruction& copy);
  Status Apply(const AddInstruction& add);
  Status Apply(const RunInstruction& run);
  Status Apply(const CmdInstruction& cmd);
  Status Apply(const EntrypointInstruction& entrypoint);
  Status Apply(const HealthcheckInstruction& check);
  Status Apply(const OnbuildInstruction& trigger);
  Status Apply(const WorkdirInstruction& workdir);
  Status Apply(const UserInstruction& user);
  Status Apply(const ExposeInstruction& expose);
  Status Apply(const VolumeInstruction& volume);
  Status Apply(const StopsignalInstruction& signal);
  Status Apply(const ShellInstruction& shell);
  Status Apply(const MaintainerInstruction& maintainer);

  /// What COPY and ADD have in common.
  struct CopyParts {
    const InstructionBase& base;
    const CopySources& sources;
    const std::string& chown;
    const std::string& chmod;
    bool link;
    bool parents;
    const std::vector<std::string>& excludes;
    std::string history;  ///< "COPY --chown=1", before the sources
  };
  /// One action of a FileOp and the vertex that it copies from.
  struct CopyPiece {
    graph::CopyAction action;
    graph::VertexPtr from;
  };
  Result<CopyPiece> PieceOf(const CopyParts& parts) const;
  Status AddInlineFiles(const CopyParts& parts, std::vector<CopyPiece>& pieces) const;
  Status FinishCopy(const CopyParts& parts, std::vector<CopyPiece> pieces);
  Result<CopyPiece> RemotePiece(const AddInstruction& add, const CopyParts& parts, const std::string& source) const;

  Status AddMount(const Mount& mount, graph::ExecOp& op, std::vector<graph::VertexPtr>& inputs);
  std::vector<std::string> ShellArgs(const CommandLine& command, const std::string& text) const;
  std::vector<std::string> CommandArgs(const CommandLine& command) const;
  std::string RunHistory(const std::vector<std::string>& args) const;
  std::string Absolute(std::string_view path) const;
  graph::Position Here(const InstructionBase& base) const;
  std::string TriggerContext() const;
  graph::VertexInfo Info(const InstructionBase& base);
  graph::VertexPtr Root() const;
  void AddVertex(graph::Op op, std::vector<graph::VertexPtr> inputs, const InstructionBase& base);
  void AddHistory(std::string text, bool layer);

  const Place place_;
  const LowerOptions& options_;
  const Env& global_args_;
  const FromLookup from_;
  StageResult state_;
  Env env_;                        // ENV and ARG, for expansion and RUN
  std::vector<std::string> args_;  // names given by ARG, for history
  std::vector<std::string> used_args_;
  StageChecks checks_;
  std::string fault_;              // what the last error is about
  std::vector<Suspect> suspects_;  // of the instruction that is being lowered
  bool in_trigger_ = false;        // it is one that the base image brought
  bool cmd_set_ = false;
  int step_ = 1;  // FROM is the first
  int steps_ = 1;
};

}  // namespace slipway::dockerfile
