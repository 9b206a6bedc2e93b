// BuildContext: the fetched context of one build: its Dockerfile, and the file system that COPY sees (what the ignore
// file leaves).
#pragma once

#include <string>
#include <vector>

#include "executor/base/git_logins.h"
#include "executor/base/progress.h"
#include "executor/builder/builder.h"
#include "executor/builder/ignore.h"
#include "executor/graph/vertex.h"
#include "executor/layer/store.h"
#include "executor/source/fetcher.h"

namespace slipway::builder {

/// In bytes; of an ignore file too.
inline constexpr uint64_t kLargestDockerfile = 16U << 20;

class BuildContext {
 public:
  /// `lent` and `lent_folder` as in ops::LendToGit; `git_logins`, which may be null, is asked after that.
  static Result<BuildContext> Load(const Context& ctx, const BuildRequest& request, const graph::LentPtr& lent,
                                   const std::string& lent_folder, GitLogins* git_logins, const source::Limits& limits,
                                   source::ContextFetcher& sources, layer::Store& layers, ProgressSink& progress);

  const std::string& dockerfile_text() const { return text_; }
  /// For messages: "Dockerfile", "docker/Dockerfile.web".
  const std::string& dockerfile_name() const { return name_; }
  const std::string& revision() const { return fetched_.revision; }
  /// The tree as COPY sees it.
  const tree::Tree& visible() const { return *visible_; }
  /// What the ignore file says, for the linter. Empty where a client has applied it and not sent it along.
  const std::vector<std::string>& ignore_patterns() const { return ignore_.patterns(); }
  /// Of a git context.
  const std::optional<SystemTime>& commit_time() const { return fetched_.commit_time; }
  /// The tree as a vertex. Files that the ignore file excludes are not in it.
  Result<graph::VertexPtr> Vertex() const;

 private:
  Status ReadDockerfile(const Context& ctx, const BuildRequest& request);
  Status ReadIgnoreFile(const Context& ctx);
  Status RecallIgnoreFile(const Context& ctx);
  Status ApplyIgnoreFile();
  Result<std::string> ReadFile(const Context& ctx, const std::string& path) const;
  Status NoDockerfile() const;

  layer::Store* layers_ = nullptr;
  source::FetchedContext fetched_;
  std::shared_ptr<const tree::Tree> visible_;
  Digest encoded_;  // of the fetched tree, encoded, where the content store has that
  std::string name_;
  std::string text_;
  IgnoreFile ignore_;
  bool whole_ = false;  // the ignore file was applied here: the fetched tree has what it leaves out
};

}  // namespace slipway::builder
