// A ".git" folder for trees that keep it: HEAD detached at the commit, the commit's objects in a pack, cut off behind
// the commit as a shallow clone is, an index, the remote's address without credentials. Enough for `git status`, `git
// log`, `git describe` of what was checked out. Internal to this folder.
#pragma once

#include <string>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/status.h"
#include "executor/content/store.h"
#include "executor/source/git.h"
#include "executor/source/mirror.h"
#include "executor/tree/entry.h"

namespace slipway::source {

/// Appends the entries of ".git" (and what is below it); contents are put into `store` and leased.
Status AddGitDir(const Context& ctx, const Mirror& mirror, const std::string& remote, const GitCommit& commit,
                 tree::Time time, content::Store& store, content::Lease* lease, std::vector<tree::Entry>* entries);

}  // namespace slipway::source
