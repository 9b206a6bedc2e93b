#include "executor/base/cache_step.h"

#include <fmt/format.h>

namespace slipway {

namespace {

// "'a' became 'b'", as far as there is something to show.
std::string FromTo(const CacheStep& step) {
  if (step.before.empty() && step.after.empty()) return "";
  return fmt::format(": '{}' became '{}'", step.before, step.after);
}

std::string FileText(const CacheStep& step) {
  // Of very many files only their folders are kept.
  if (step.subject.ends_with('/')) {
    return fmt::format("files below {} {}", step.subject, step.change == "content" ? "changed" : "were " + step.change);
  }
  if (step.change == "added") return fmt::format("the file {} was added", step.subject);
  if (step.change == "removed") return fmt::format("the file {} was removed", step.subject);
  return fmt::format("the file {} changed ({}){}", step.subject, step.change, FromTo(step));
}

std::string ValueText(std::string_view what, const CacheStep& step) {
  if (step.change == "added") return fmt::format("{} {} is new: '{}'", what, step.subject, step.after);
  if (step.change == "removed") return fmt::format("{} {} is gone; it was '{}'", what, step.subject, step.before);
  return fmt::format("{} {} changed{}", what, step.subject, FromTo(step));
}

std::string MissText(const CacheStep& step) {
  switch (step.cause) {
    case CacheStep::Cause::kNoCache: return "asked for with --no-cache";
    case CacheStep::Cause::kNeverBuilt: return "never built here";
    case CacheStep::Cause::kRemoved: return "built before, but the result was removed to free space";
    case CacheStep::Cause::kBase: return fmt::format("the base {} changed{}", step.subject, FromTo(step));
    case CacheStep::Cause::kStepBelow: return fmt::format("{} gave another result", step.subject);
    case CacheStep::Cause::kInstruction: return fmt::format("the instruction changed{}", FromTo(step));
    case CacheStep::Cause::kArgument: return ValueText("the argument", step);
    case CacheStep::Cause::kEnvironment: return ValueText("the variable", step);
    case CacheStep::Cause::kSetting: return ValueText("the setting", step);
    case CacheStep::Cause::kFile: return FileText(step);
    case CacheStep::Cause::kRemote: return fmt::format("{} gives something else now{}", step.subject, FromTo(step));
    case CacheStep::Cause::kSecret: return fmt::format("a secret value changed ({})", step.subject);
    case CacheStep::Cause::kNone: break;
  }
  return "not known why";
}

}  // namespace

std::string CacheStepText(const CacheStep& step) {
  switch (step.outcome) {
    case CacheStep::Outcome::kLocal: return "known here";
    case CacheStep::Outcome::kImported: return fmt::format("imported from {}", step.source);
    case CacheStep::Outcome::kShared: return "shared with another run that was making it";
    case CacheStep::Outcome::kMiss: break;
  }
  std::string text = MissText(step);
  if (step.more > 0) text += fmt::format(", and {} more", step.more);
  return text;
}

}  // namespace slipway
