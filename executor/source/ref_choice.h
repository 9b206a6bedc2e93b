// RefChoice: what a reference as people write it stands for among those that a remote has. Internal to this folder.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "executor/base/status.h"
#include "executor/source/git.h"
#include "executor/source/upload_pack.h"

namespace slipway::source {

struct RefChoice {
  std::string want;  ///< the object to ask for (a commit or an annotated tag), 40 hex digits
  GitCommit commit;
};

/// "" and "HEAD" are the default branch; "refs/…" is taken as it is; else a branch, a tag, then "refs/<ref>"
/// ("pull/7/head"), as `git checkout` prefers them. nullopt if nothing has that name (it may be a commit's id).
/// NOT_FOUND for an empty repository.
Result<std::optional<RefChoice>> ChooseRef(const Advertisement& server, std::string_view ref);

/// The one commit of a reference whose id begins with `prefix` (7 to 40 hex digits); nullopt if there is none or
/// several.
std::optional<RefChoice> ChooseByCommit(const Advertisement& server, std::string_view prefix);

/// INVALID_ARGUMENT for what can be neither the name of a reference nor an id.
Status CheckRef(std::string_view ref);

/// NOT_FOUND with the nearest name.
Status NoSuchRef(const Advertisement& server, std::string_view remote, std::string_view ref);

}  // namespace slipway::source
