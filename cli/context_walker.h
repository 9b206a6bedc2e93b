// Walks the folder of a build context under its ignore file and lists what is to be sent.
//
// Folders are read in parallel on the pool, each through one descriptor opened below the root without following links;
// an excluded folder is not entered unless a `!` pattern may bring back something in it. Sockets are left out, and so
// is what vanishes meanwhile. Files are not read here.
#pragma once

#include <string>
#include <vector>

#include "cli/context_entry.h"
#include "executor/base/context.h"
#include "executor/base/pattern_matcher.h"
#include "executor/base/status.h"
#include "executor/base/thread_pool.h"

namespace slipway::cli {

/// More than this is taken for a mistake such as building from "/"; the daemon's own limit is usually far lower.
inline constexpr size_t kMaxWalkedEntries = 4'000'000;

/// The entries below `root` that `ignore` leaves, in the order of ComparePaths; the folder itself is not among them. A
/// folder that is excluded but holds something that is not is listed too. Of several names of one file all but the
/// first are kHardlink. INVALID_ARGUMENT for a device, which no daemon takes. PERMISSION_DENIED names what cannot be
/// read and says how to leave it out.
Result<std::vector<ContextEntry>> WalkContext(const Context& ctx, ThreadPool& pool, int root_fd,
                                              const PatternMatcher& ignore);

/// The attributes that are part of a context: "user.*". A file system without any is OK.
Result<Xattrs> ReadXattrs(int fd, const std::string& path);

/// Adds to a PERMISSION_DENIED what the user can do about it; others stay as they are.
Status ExplainUnreadable(Status status);

}  // namespace slipway::cli
