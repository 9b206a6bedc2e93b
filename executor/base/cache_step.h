// CacheStep: what the cache did for one step of a build, and for a step that had to be made, why. Plain data that the
// solver tells through the progress sink.
#pragma once

#include <optional>
#include <string>

#include "executor/base/clock.h"

namespace slipway {

struct CacheStep {
  /// Numbered as in the API (proto/slipway/v1/cache.proto); so is Cause.
  enum class Outcome { kLocal = 1, kImported = 2, kShared = 3, kMiss = 4 };
  enum class Cause {
    kNone = 0,
    kNoCache = 1,
    kNeverBuilt = 2,
    kRemoved = 3,
    kBase = 4,
    kStepBelow = 5,
    kInstruction = 6,
    kArgument = 7,
    kEnvironment = 8,
    kSetting = 9,
    kFile = 10,
    kRemote = 11,
    kSecret = 12,
  };

  std::string vertex;  ///< as progress events name it
  std::string name;    ///< "[build 2/5] RUN make"
  Outcome outcome = Outcome::kLocal;
  std::string source;  ///< of kImported: where from
  Cause cause = Cause::kNone;
  std::string subject;  ///< what differs: a path, a name
  std::string change;   ///< how: "content", "added", "removed", "mode", "owner", "type", "value"
  std::string before;   ///< "" where it says nothing or is secret
  std::string after;
  int more = 0;                             ///< further things that differ
  std::optional<SystemTime> compared_with;  ///< when the record was made that it was compared with

  bool operator==(const CacheStep&) const = default;
};

/// One line for people: "hit", "imported from …", "the file /src/main.c changed (content)".
std::string CacheStepText(const CacheStep& step);

}  // namespace slipway
