// GitRemote: one remote during one build: its mirror, our credentials, and a connection that is made only if one is
// needed. Internal to this folder. One thread at a time; several of them may share a mirror.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "executor/base/context.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/source/git.h"
#include "executor/source/git_connection.h"
#include "executor/source/git_url.h"
#include "executor/source/memo.h"
#include "executor/source/mirror.h"
#include "executor/source/ref_choice.h"

namespace slipway::source {

/// What all remotes of a daemon share.
struct GitWorld {
  GitOptions options;
  Memo& memo;
  http::Transport& transport;
};

class GitRemote {
 public:
  /// `gate` is the mirror's lock in this process; it outlives the remote. INVALID_ARGUMENT, PERMISSION_DENIED for an
  /// address that may not be used, or not with these credentials.
  static Result<std::unique_ptr<GitRemote>> Open(const GitWorld& world, const GitUrl& url, const GitCredentials& who,
                                                 std::shared_ptr<std::timed_mutex> gate);

  /// What `ref` stands for. It is downloaded only where that is the only way to know.
  Result<GitCommit> Resolve(const Context& ctx, const std::string& ref, const VertexProgress& progress);
  /// As Resolve; the commit is in the mirror then. `max_bytes` bounds the download.
  Result<GitCommit> Bring(const Context& ctx, const std::string& ref, uint64_t max_bytes,
                          const VertexProgress& progress);
  /// The same for a commit that Resolve gave.
  Status BringCommit(const Context& ctx, const GitCommit& commit, uint64_t max_bytes, const VertexProgress& progress);
  /// Downloads the commit once more without regard to what is here: something of it is missing. FAILED_PRECONDITION for
  /// a local repository.
  Status Repair(const Context& ctx, const GitCommit& commit, uint64_t max_bytes, const VertexProgress& progress);

  const Mirror& mirror() const { return *mirror_; }
  const GitUrl& url() const { return url_; }
  const GitCredentials& credentials() const { return who_; }

  /// The name of a remote's mirror: a folder below GitOptions::root.
  static std::string MirrorName(const GitUrl& url);

 private:
  GitRemote(const GitWorld& world, GitUrl url, GitCredentials who, std::shared_ptr<std::timed_mutex> gate);

  bool local() const { return url_.scheme == GitUrl::Scheme::kFile; }
  Result<RefChoice> Find(const Context& ctx, const std::string& ref, const VertexProgress& progress);
  Result<RefChoice> FindById(const Context& ctx, const std::string& id, const VertexProgress& progress);
  Status Connect(const Context& ctx);
  Status ListLocal();
  bool Here(const std::string& oid) const;
  Status Fetch(const Context& ctx, const FetchWish& wish, bool repair, const VertexProgress& progress);
  Status FetchSmart(const Context& ctx, const FetchWish& wish, const PackWriter::OnProgress& on_progress);
  Status FetchHistory(const Context& ctx, const std::string& ref, const VertexProgress& progress);
  Status FetchEverything(const Context& ctx, const VertexProgress& progress);
  Status Record(const FetchWish& wish, const FetchReader* answer);

  const GitWorld& world_;
  GitUrl url_;
  GitCredentials who_;
  Digest who_digest_;
  std::shared_ptr<std::timed_mutex> gate_;
  std::unique_ptr<Mirror> mirror_;
  std::unique_ptr<GitConnection> connection_;
  std::shared_ptr<const Advertisement> listed_;
  uint64_t max_bytes_ = 0;
};

}  // namespace slipway::source
