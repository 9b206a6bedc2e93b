// Version and Constraint: semantic versions as sprig's semver and semverCompare read them (Masterminds/semver 1.5).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "executor/base/status.h"

namespace slipway::run_template {

struct Version {
  uint64_t major = 0;
  uint64_t minor = 0;
  uint64_t patch = 0;
  std::string prerelease;
  std::string metadata;
  std::string original;

  /// "1.2.3-beta+build" without a leading v.
  std::string ToString() const;
};

/// INVALID_ARGUMENT for a text that is no version; minor and patch may be missing, a leading v is allowed.
Result<Version> ParseVersion(std::string_view text);
/// Below, equal or above 0 as semver 2.0 orders them; metadata does not count.
int Compare(const Version& a, const Version& b);
/// Whether `version` meets `constraint`: comparisons joined by commas, alternatives by ||.
Result<bool> Meets(std::string_view constraint, const Version& version);

}  // namespace slipway::run_template
