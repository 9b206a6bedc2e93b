// DockerfileChecks: the linter's part in one build: which options count, what is looked at when, and what is told.
#pragma once

#include <optional>

#include "executor/base/progress.h"
#include "executor/builder/build_context.h"
#include "executor/builder/builder.h"
#include "executor/dockerfile/checks.h"
#include "executor/dockerfile/lower.h"

namespace slipway::builder {

/// On the stack of a build; one thread. Findings are told to the sink once, at Finish, or when a build that failed
/// before leaves.
class DockerfileChecks {
 public:
  explicit DockerfileChecks(ProgressSink& progress) : progress_(progress) {}
  ~DockerfileChecks() { Tell(); }
  DockerfileChecks(const DockerfileChecks&) = delete;
  DockerfileChecks& operator=(const DockerfileChecks&) = delete;

  /// Looks at the text. `parsed` tells whether all of it could be read, and is returned; before it counts that the
  /// options are right (INVALID_ARGUMENT).
  Status Start(const dockerfile::Dockerfile& dockerfile, const Status& parsed, const BuildRequest& request);

  /// Lets lowering add to what is found. A check of no special target looks at all stages.
  void Join(dockerfile::LowerOptions* options, const BuildRequest& request, const BuildContext& context);

  /// INVALID_ARGUMENT if what was found is an error: because the options say so, or because it is all that was asked.
  Status Finish(const BuildRequest& request);

 private:
  void Tell();
  void Warn(std::string_view text, std::string_view detail) const;

  ProgressSink& progress_;
  std::optional<dockerfile::Checks> checks_;
  bool told_ = false;
};

}  // namespace slipway::builder
