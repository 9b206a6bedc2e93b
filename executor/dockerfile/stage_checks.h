// The rules of the linter that depend on values: of variables, of a stage's state, of images. Part of Lower (lower.h).
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "executor/dockerfile/checks.h"
#include "executor/dockerfile/env.h"
#include "executor/dockerfile/word_expander.h"
#include "executor/oci/config.h"
#include "executor/oci/platform.h"

namespace slipway::dockerfile {

/// Looks at the instructions of one stage in their order, ONBUILD triggers of the base included. One thread.
class StageChecks {
 public:
  /// `checks` null: nothing is looked at. The patterns must outlive this. `workdir_set`: an earlier stage that this one
  /// stands on has a WORKDIR.
  StageChecks(Checks* checks, const std::vector<std::string>& ignore_patterns, bool workdir_set);

  /// Variables that an instruction used and that are not set. `args` are the names that ARG declared.
  void Unset(const InstructionBase& about, const std::set<std::string>& names, const std::vector<std::string>& args,
             const Env& env);
  /// An instruction whose variables are put in, before it changes `config`.
  void Look(const Instruction& instruction, const oci::RunConfig& config);

  bool workdir_set() const { return workdir_set_; }

 private:
  void Command(const InstructionBase& about, const CommandLine& command, const oci::RunConfig& config,
               std::optional<SourceRange>* before);
  void Once(const InstructionBase& about, std::optional<SourceRange>* before);
  void Pairs(const InstructionBase& about, const std::vector<KeyValue>& pairs, bool secrets);
  void Secret(const InstructionBase& about, std::string_view kind, const std::string& name);
  void Ports(const ExposeInstruction& expose);
  void Sources(const InstructionBase& about, const CopySources& sources);

  Checks* const checks_;
  const std::vector<std::string>& ignore_patterns_;
  bool workdir_set_;
  std::optional<SourceRange> cmd_, entrypoint_, healthcheck_;
};

/// The rules about FROM. `declared` are the names that FROM may use, whether set or not.
class FromChecks {
 public:
  FromChecks(Checks* checks, const Env& globals, std::set<std::string> declared)
      : checks_(checks), globals_(globals), declared_(std::move(declared)) {}

  /// The image's name: `expander` has just expanded it.
  void Base(const Stage& stage, const WordExpander& expander) const { Undeclared(stage, expander); }
  /// The same for --platform.
  void Platform(const Stage& stage, const WordExpander& expander, const std::string& value) const;
  /// What the name would be without any build arg.
  void DefaultBase(const Stage& stage, const std::string& name) const;
  /// What the base image is made for.
  void BasePlatform(const Stage& stage, const std::string& name, const oci::Platform& expected,
                    const oci::Platform& actual) const;

 private:
  void Undeclared(const Stage& stage, const WordExpander& expander) const;

  Checks* const checks_;
  const Env& globals_;
  const std::set<std::string> declared_;
};

}  // namespace slipway::dockerfile
