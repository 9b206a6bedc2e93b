#include "executor/source/changed_paths.h"

#include <algorithm>

#include "executor/source/commit_tree.h"

namespace slipway::source {

namespace {

using DiffPtr = GitOwner<git_diff, git_diff_free>;

struct Collector {
  const Context& ctx;
  size_t most;
  std::vector<std::string> paths;
  Status failure;

  // Called for each difference before it is added; nothing is kept by libgit2 itself.
  static int OnDelta(const git_diff*, const git_diff_delta* delta, const char*, void* self) {
    auto& collector = *static_cast<Collector*>(self);
    collector.failure = collector.ctx.Err();
    if (collector.failure.ok() && collector.paths.size() == collector.most) {
      collector.failure = ResourceExhausted("more than {} paths differ", collector.most);
    }
    if (!collector.failure.ok()) return GIT_EUSER;
    collector.paths.emplace_back(delta->new_file.path != nullptr ? delta->new_file.path : delta->old_file.path);
    return 1;  // left out of libgit2's own list
  }
};

Result<TreePtr> TreeOf(const Mirror& mirror, const std::string& commit) {
  SLIPWAY_ASSIGN_OR_RETURN(const CommitInfo info, ReadCommit(mirror, commit));
  TreePtr tree;
  if (const int error = git_tree_lookup(Out(tree), mirror.repository(), &info.tree); error != 0) {
    return LibgitError(error, fmt::format("read the tree of {}", commit), Code::kDataLoss);
  }
  return tree;
}

}  // namespace

Result<std::vector<std::string>> DiffCommits(const Context& ctx, const Mirror& mirror, const std::string& before,
                                             const std::string& after, size_t most) {
  SLIPWAY_ASSIGN_OR_RETURN(const TreePtr old_tree, TreeOf(mirror, before));
  SLIPWAY_ASSIGN_OR_RETURN(const TreePtr new_tree, TreeOf(mirror, after));
  Collector collector{.ctx = ctx, .most = most, .paths = {}, .failure = {}};
  git_diff_options options = GIT_DIFF_OPTIONS_INIT;
  options.flags = GIT_DIFF_SKIP_BINARY_CHECK | GIT_DIFF_INCLUDE_TYPECHANGE;
  options.ignore_submodules = GIT_SUBMODULE_IGNORE_NONE;
  options.notify_cb = &Collector::OnDelta;
  options.payload = &collector;
  DiffPtr diff;
  const int error = git_diff_tree_to_tree(Out(diff), mirror.repository(), old_tree.get(), new_tree.get(), &options);
  SLIPWAY_RETURN_IF_ERROR(collector.failure);
  if (error != 0) return LibgitError(error, fmt::format("compare {} and {}", before, after), Code::kDataLoss);
  std::sort(collector.paths.begin(), collector.paths.end());
  collector.paths.erase(std::unique(collector.paths.begin(), collector.paths.end()), collector.paths.end());
  return std::move(collector.paths);
}

}  // namespace slipway::source
