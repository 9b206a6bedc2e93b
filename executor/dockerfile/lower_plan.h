// StagePlans: what the FROMs of a Dockerfile say once their variables are put in, and which stage is the target. Known
// before any image is looked up. Part of Lower (lower.h).
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "executor/base/status.h"
#include "executor/dockerfile/env.h"
#include "executor/dockerfile/instructions.h"
#include "executor/dockerfile/lower.h"
#include "executor/dockerfile/lower_images.h"
#include "executor/dockerfile/stage_checks.h"
#include "executor/dockerfile/stage_links.h"
#include "executor/dockerfile/word_expander.h"

namespace slipway::dockerfile {

/// What FROM names for the empty file system.
inline constexpr std::string_view kScratch = "scratch";

struct StagePlan {
  std::string base;                  ///< image, context or "scratch"; unused if from_stage is set
  std::optional<size_t> from_stage;  ///< an earlier stage
  std::string replaced_by;           ///< the named context that stands for the whole stage; "" for none
  oci::Platform platform;
};

class StagePlans {
 public:
  /// All must outlive it.
  StagePlans(const Dockerfile& dockerfile, const LowerOptions& options, const StageLinks& links,
             const BaseImages& images)
      : dockerfile_(dockerfile), options_(options), links_(links), images_(images) {}

  /// Once, before all else. INVALID_ARGUMENT with file, line and text.
  Status Make();

  /// What ARG in a stage inherits and FROM expands.
  const Env& globals() const { return globals_; }
  const StagePlan& of(size_t stage) const { return plans_[stage]; }
  size_t target() const { return target_; }
  /// The rules of the linter about FROM.
  FromChecks Checks() const;

 private:
  Status MakeGlobals();
  Status AddMetaArgs(bool overrides, Env* env) const;
  void CheckDefaults(const Env& predefined) const;
  Result<StagePlan> PlanOf(size_t stage, const WordExpander& expander) const;
  Result<std::string> BaseName(const Stage& stage, const WordExpander& expander) const;
  Result<oci::Platform> PlatformOf(const Stage& stage, const WordExpander& expander) const;
  std::string VariableHint(const WordExpander& expander) const;
  Result<size_t> FindTarget() const;

  const Dockerfile& dockerfile_;
  const LowerOptions& options_;
  const StageLinks& links_;
  const BaseImages& images_;
  Env globals_;
  std::vector<StagePlan> plans_;
  size_t target_ = 0;
};

/// The names that stages are given by AS.
std::vector<std::string> StageNames(const Dockerfile& dockerfile);

}  // namespace slipway::dockerfile
