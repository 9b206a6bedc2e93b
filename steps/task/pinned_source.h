// PinnedSource: the location of a source, held to one commit; and which builds have to know theirs before they begin.
// Free functions without state.
#pragma once

#include <string>
#include <string_view>

#include "steps/task/quick_build.h"

namespace slipway::task {

/// Whether names or arguments of a build speak of what only its source tells: .Run.Commit, .Run.Branch,
/// .Run.Repository.
bool NamesSource(const QuickBuild& build);

/// Whether it is a git repository, as far as the address tells.
bool IsGitSource(std::string_view source);

/// The same source at `commit`, with the folder that it names. `fetch_ref` ("refs/pull/7/head") is where the commit is
/// found if no branch or tag leads to it; "" for none. What is no git repository stays as it is.
std::string PinnedSource(const std::string& source, std::string_view commit, std::string_view fetch_ref);

}  // namespace slipway::task
