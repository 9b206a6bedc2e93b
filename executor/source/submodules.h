// Gitmodules: what a repository's .gitmodules says of its submodules. Internal to this folder.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"

namespace slipway::source {

struct Submodule {
  std::string name;
  std::string path;
  std::string url;
  bool skipped = false;  ///< update = none
};

/// The sections `[submodule "name"]` of git's configuration format; others are passed over, and nothing is included
/// from elsewhere. INVALID_ARGUMENT with the line for what is malformed.
Result<std::vector<Submodule>> ParseGitmodules(std::string_view text);

}  // namespace slipway::source
