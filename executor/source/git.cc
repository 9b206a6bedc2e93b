#include "executor/source/git.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>

#include "executor/base/ascii.h"
#include "executor/base/fs.h"
#include "executor/base/guarded.h"
#include "executor/http/url.h"
#include "executor/source/changed_paths.h"
#include "executor/source/commit_tree.h"
#include "executor/source/git_dir.h"
#include "executor/source/git_login.h"
#include "executor/source/git_remote.h"
#include "executor/source/git_url.h"
#include "executor/source/memo.h"
#include "executor/source/submodules.h"
#include "executor/source/trees.h"

namespace slipway::source {

namespace {
constexpr std::string_view kTokenUser = "x-access-token";  // hosts that take tokens take any user
constexpr size_t kShortestChecksum = 7;
constexpr uint64_t kLargestGitmodules = 4U << 20;
constexpr size_t kMostPointersNamed = 5;
// Each fetch adds a pack and its index, and finding an object takes a look into each. A mirror has no history, so
// starting afresh costs little more than one commit's files.
constexpr size_t kMostPackFiles = 400;

Result<GitCredentials> CredentialsFor(const GitUrl& url, const GitContext& context, const GitOptions& options) {
  GitCredentials who;
  if (url.http()) {
    who.user = url.user;
    who.password = url.password;
    // "https://<token>@host/" is how tokens are usually written.
    if (who.password.empty() && context.token.empty()) {
      std::swap(who.user, who.password);
      who.guessed = true;
    }
    if (!context.token.empty()) {
      if (url.scheme == GitUrl::Scheme::kHttp && !IsLoopback(url)) {
        return FailedPrecondition("'{}': a token is not sent over plain HTTP; use https://", url.Remote());
      }
      who.password = context.token;
    }
    if (who.user.empty() && !who.password.empty()) who.user = kTokenUser;
  }
  who.ssh_key = context.ssh_key;
  who.ssh_agent = !context.ssh_agent.empty() ? context.ssh_agent : who.ssh_key.empty() ? options.ssh_agent : "";
  return who;
}

Status CheckChecksum(const GitUrl& url, const std::string& wanted, const GitCommit& commit) {
  if (wanted.empty()) return {};
  const std::string checksum = LowerAscii(wanted);
  if (!IsHex(checksum, kShortestChecksum)) {
    return InvalidArgument("checksum '{}': of a git repository it is {} to 40 hex digits of a commit's id", wanted,
                           kShortestChecksum);
  }
  if (commit.id.starts_with(checksum) || (!commit.tag_id.empty() && commit.tag_id.starts_with(checksum))) return {};
  return FailedPrecondition("'{}': expected checksum to match {}, got {}", url.Remote(), wanted, commit.id);
}

struct Request {
  GitUrl url;
  GitCredentials who;
  std::string checksum;
  bool keep_git_dir = false;
};

Result<Request> ReadRequest(const GitContext& context, const GitOptions& options) {
  Request request;
  SLIPWAY_ASSIGN_OR_RETURN(request.url, GitUrl::Parse(context.url));
  SLIPWAY_ASSIGN_OR_RETURN(request.who, CredentialsFor(request.url, context, options));
  if (request.url.scheme == GitUrl::Scheme::kSsh && request.url.user.empty()) request.url.user = "git";
  request.checksum = context.checksum.empty() ? request.url.checksum : context.checksum;
  request.keep_git_dir = context.keep_git_dir || request.url.keep_git_dir;
  return request;
}

std::string Identity(const Request& request, const GitCommit& commit) {
  // Where an element may be a link, what ".." after it means is not known from the text.
  const std::string& folder = request.url.folder;
  const std::string clean = folder.find("..") == std::string::npos ? fs::Clean("/" + folder) : folder;
  Hasher hasher;
  hasher.Field("git tree 1").Field(commit.id).Field(clean).Field(uint64_t{request.url.submodules});
  // Relative addresses of submodules depend on where the repository is.
  if (request.url.submodules) hasher.Field(request.url.Identity());
  // The remote and the reference are written into the .git folder.
  hasher.Field(request.keep_git_dir ? fmt::format("{}\n{}\n{}", request.url.Remote(), commit.ref, commit.tag_id) : "");
  return hasher.Finish().ToString();
}

class Source : public GitSource {
 public:
  Source(GitOptions options, content::Store& store, Memo& memo, http::Transport& transport)
      : world_{.options = std::move(options), .memo = memo, .transport = transport}, store_(store) {}

  Result<GitCommit> Resolve(const Context& ctx, const GitContext& context, const VertexProgress& progress) override {
    SLIPWAY_ASSIGN_OR_RETURN(const Request request, ReadRequest(context, world_.options));
    SLIPWAY_ASSIGN_OR_RETURN(const std::unique_ptr<GitRemote> remote, Open(request.url, request.who));
    SLIPWAY_ASSIGN_OR_RETURN(GitCommit commit, remote->Resolve(ctx, request.url.ref, progress));
    SLIPWAY_RETURN_IF_ERROR(CheckChecksum(request.url, request.checksum, commit));
    commit.identity = Identity(request, commit);
    return commit;
  }

  Result<FetchedContext> Fetch(const Context& ctx, const GitContext& context, const Limits& limits,
                               const VertexProgress& progress) override;
  Result<FetchedContext> FetchCommit(const Context& ctx, const GitContext& context, const GitCommit& commit,
                                     const Limits& limits, const VertexProgress& progress) override {
    SLIPWAY_ASSIGN_OR_RETURN(const Request request, ReadRequest(context, world_.options));
    SLIPWAY_ASSIGN_OR_RETURN(const std::unique_ptr<GitRemote> remote, Open(request.url, request.who));
    SLIPWAY_RETURN_IF_ERROR(remote->BringCommit(ctx, commit, limits.max_total_bytes, progress));
    return MakeTree(ctx, request, *remote, commit, limits, progress);
  }

  Result<std::vector<std::string>> ChangedPaths(const Context& ctx, const GitContext& context,
                                                const std::string& before, const std::string& after,
                                                const Limits& limits, const VertexProgress& progress) override {
    SLIPWAY_ASSIGN_OR_RETURN(const Request request, ReadRequest(context, world_.options));
    SLIPWAY_ASSIGN_OR_RETURN(const std::unique_ptr<GitRemote> remote, Open(request.url, request.who));
    SLIPWAY_ASSIGN_OR_RETURN(const GitCommit newer, remote->Bring(ctx, after, limits.max_total_bytes, progress));
    SLIPWAY_ASSIGN_OR_RETURN(const GitCommit older, remote->Bring(ctx, before, limits.max_total_bytes, progress));
    return DiffCommits(ctx, remote->mirror(), older.id, newer.id, limits.max_entries);
  }

  Status Collect(const Context& ctx, std::chrono::seconds idle) override;
  Result<uint64_t> TotalBytes() override;

 private:
  friend class TreeMaker;

  Result<FetchedContext> MakeTree(const Context& ctx, const Request& request, GitRemote& remote,
                                  const GitCommit& commit, const Limits& limits, const VertexProgress& progress);

  Result<std::unique_ptr<GitRemote>> Open(const GitUrl& url, const GitCredentials& who) {
    const std::string name = GitRemote::MirrorName(url);
    std::shared_ptr<std::timed_mutex> gate;
    {
      auto gates = gates_.Lock();
      std::weak_ptr<std::timed_mutex>& known = (*gates)[name];
      gate = known.lock();
      if (gate == nullptr) known = gate = std::make_shared<std::timed_mutex>();
    }
    SLIPWAY_ASSIGN_OR_RETURN(std::unique_ptr<GitRemote> remote, GitRemote::Open(world_, url, who, std::move(gate)));
    if (url.scheme != GitUrl::Scheme::kFile) SLIPWAY_RETURN_IF_ERROR(MarkUsed(MirrorFolder(name)));
    return remote;
  }

  // The time of this file says when the mirror was last of use.
  static Status MarkUsed(const std::string& folder) {
    SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd fd, fs::Open(folder + "/used", O_WRONLY | O_CREAT, 0600));
    return ::futimens(fd.get(), nullptr) == 0 ? Status() : ErrnoStatus(errno, fmt::format("touch '{}/used'", folder));
  }

  std::string MirrorFolder(const std::string& name) const { return world_.options.root + "/" + name; }

  const GitWorld world_;
  content::Store& store_;
  /// Of mirrors that are in use; others' have expired.
  Guarded<std::map<std::string, std::weak_ptr<std::timed_mutex>>> gates_;
};

/// Makes one context's tree, with its submodules.
class TreeMaker {
 public:
  TreeMaker(const Context& ctx, Source& source, const Limits& limits, const VertexProgress& progress,
            content::Lease* lease)
      : ctx_(ctx), source_(source), limits_(limits), progress_(progress), lease_(lease) {}

  /// Entries of `folder` of a commit, below `prefix`. `time` is set by the first call.
  Status Add(GitRemote& remote, const GitCommit& commit, const std::string& folder, const std::string& prefix,
             int depth) {
    Status status = TryAdd(remote, commit, folder, prefix, depth);
    if (status.code() != Code::kDataLoss || !repaired_.insert(remote.mirror().name() + commit.id).second) return status;
    SLIPWAY_RETURN_IF_ERROR(remote.Repair(ctx_, commit, limits_.max_total_bytes, progress_));
    return TryAdd(remote, commit, folder, prefix, depth);
  }

  std::vector<tree::Entry> Take() {
    WarnOfPointers();
    return std::move(entries_);
  }
  std::vector<tree::Entry>& entries() { return entries_; }
  const std::optional<tree::Time>& time() const { return time_; }
  /// Whether the tree follows from the first commit alone and its contents are plain.
  bool plain() const { return submodules_ == 0 && pointers_.empty(); }

 private:
  Status TryAdd(GitRemote& remote, const GitCommit& commit, const std::string& folder, const std::string& prefix,
                int depth) {
    SLIPWAY_ASSIGN_OR_RETURN(const CommitInfo info, ReadCommit(remote.mirror(), commit.id));
    if (!time_) time_ = info.time;
    SLIPWAY_ASSIGN_OR_RETURN(const FolderPlace place, FindFolder(remote.mirror(), info.tree, folder));
    if (place.link) return AddSubmodule(remote, info.tree, *place.link, place.rest, prefix, depth);
    const Tally before = tally_;
    Result<CommitEntries> listed =
        ListFolder(ctx_, remote.mirror(), place.tree, place.path, prefix, *time_, limits_, &tally_);
    Result<StoredBlobs> stored = Internal("not listed");
    if (listed.ok()) {
      stored = StoreBlobs(ctx_, remote.mirror(), limits_, source_.world_.options.max_blob_bytes, &tally_,
                          source_.store_, source_.world_.memo, lease_, progress_, &*listed);
    }
    if (!listed.ok() || !stored.ok()) tally_ = before;
    SLIPWAY_RETURN_IF_ERROR(listed.status());
    SLIPWAY_RETURN_IF_ERROR(stored.status());
    entries_.insert(entries_.end(), std::make_move_iterator(listed->entries.begin()),
                    std::make_move_iterator(listed->entries.end()));
    pointers_.insert(pointers_.end(), stored->lfs_pointers.begin(), stored->lfs_pointers.end());
    for (const Gitlink& link : listed->links) {
      // Where the link is in this tree: its path in the repository without the folder's.
      std::string_view below = link.path;
      if (!place.path.empty()) below.remove_prefix(place.path.size() + 1);
      const std::string at = prefix.empty() ? std::string(below) : fmt::format("{}/{}", prefix, below);
      SLIPWAY_RETURN_IF_ERROR(AddSubmodule(remote, info.tree, link, "", at, depth));
    }
    return {};
  }

  Status AddSubmodule(GitRemote& parent, const git_oid& root, const Gitlink& link, const std::string& folder,
                      const std::string& prefix, int depth) {
    if (!parent.url().submodules) return {};
    const GitOptions& options = source_.world_.options;
    if (depth >= options.max_submodule_depth) {
      return ResourceExhausted("submodule '{}' is nested more than {} deep", prefix, options.max_submodule_depth);
    }
    if (++submodules_ > options.max_submodules)
      return ResourceExhausted("there are more than {} submodules", options.max_submodules);
    SLIPWAY_ASSIGN_OR_RETURN(const std::optional<Submodule> submodule, Describe(parent, root, link, prefix));
    if (!submodule) return {};
    const std::string what = fmt::format("submodule '{}'", link.path);
    Status status = FollowSubmodule(parent, *submodule, link, folder, prefix, depth);
    return status.ok() ? status : std::move(status).With(what);
  }

  Status FollowSubmodule(GitRemote& parent, const Submodule& submodule, const Gitlink& link, const std::string& folder,
                         const std::string& prefix, int depth) {
    SLIPWAY_ASSIGN_OR_RETURN(GitUrl url, ResolveSubmodule(parent.url(), submodule.url));
    if (url.scheme == GitUrl::Scheme::kFile && parent.url().scheme != GitUrl::Scheme::kFile) {
      return PermissionDenied("'{}': a remote repository may not name folders of this machine", url.Remote());
    }
    const GitCredentials who = CredentialsForSubmodule(parent, &url);
    SLIPWAY_ASSIGN_OR_RETURN(const std::unique_ptr<GitRemote> remote, source_.Open(url, who));
    SLIPWAY_ASSIGN_OR_RETURN(const GitCommit commit, remote->Bring(ctx_, link.oid, limits_.max_total_bytes, progress_));
    return Add(*remote, commit, folder, prefix, depth + 1);
  }

  // A token is for the host that it was given for; an SSH key or agent tells a host nothing that is of use elsewhere.
  static GitCredentials CredentialsForSubmodule(const GitRemote& parent, GitUrl* url) {
    GitCredentials who = parent.credentials();
    const bool with_token = parent.url().scheme == GitUrl::Scheme::kHttps && !who.password.empty();
    // "git@host:x" beside a token for https://host: the token is what there is.
    if (url->scheme == GitUrl::Scheme::kSsh && url->host == parent.url().host && with_token && who.ssh_key.empty() &&
        who.ssh_agent.empty()) {
      url->scheme = GitUrl::Scheme::kHttps;
      url->port = parent.url().port;
      url->user.clear();
      if (!url->path.starts_with('/')) url->path.insert(0, "/");
    }
    if (!url->SameHost(parent.url())) {
      who.user = url->user;
      who.password = url->password;
    }
    if (url->scheme == GitUrl::Scheme::kSsh && url->user.empty()) url->user = "git";
    return who;
  }

  Result<std::optional<Submodule>> Describe(GitRemote& parent, const git_oid& root, const Gitlink& link,
                                            const std::string& prefix) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::optional<std::string> text,
                             ReadSmallFile(parent.mirror(), root, ".gitmodules", kLargestGitmodules));
    std::vector<Submodule> known;
    if (text) {
      SLIPWAY_ASSIGN_OR_RETURN(known, ParseGitmodules(*text));
    }
    for (Submodule& submodule : known) {
      if (submodule.path != link.path || submodule.url.empty()) continue;
      if (submodule.skipped) return std::optional<Submodule>();
      return std::optional(std::move(submodule));
    }
    progress_.Warning(fmt::format("'{}' is a submodule of which .gitmodules says nothing; it is left empty", prefix));
    return std::optional<Submodule>();
  }

  void WarnOfPointers() const {
    if (pointers_.empty()) return;
    std::string names;
    for (size_t i = 0; i < std::min(pointers_.size(), kMostPointersNamed); ++i)
      names += (i == 0 ? "" : ", ") + pointers_[i];
    if (pointers_.size() > kMostPointersNamed)
      names += fmt::format(" and {} more", pointers_.size() - kMostPointersNamed);
    progress_.Warning(
        fmt::format("{} file{} kept by Git LFS: the build sees the pointer{}, not the content", pointers_.size(),
                    pointers_.size() == 1 ? " is" : "s are", pointers_.size() == 1 ? "" : "s"),
        names);
  }

  const Context& ctx_;
  Source& source_;
  const Limits& limits_;
  const VertexProgress& progress_;
  content::Lease* lease_;
  std::vector<tree::Entry> entries_;
  std::optional<tree::Time> time_;
  Tally tally_;
  int submodules_ = 0;
  std::vector<std::string> pointers_;
  std::set<std::string> repaired_;
};

Result<FetchedContext> Source::Fetch(const Context& ctx, const GitContext& context, const Limits& limits,
                                     const VertexProgress& progress) {
  SLIPWAY_ASSIGN_OR_RETURN(const Request request, ReadRequest(context, world_.options));
  SLIPWAY_ASSIGN_OR_RETURN(const std::unique_ptr<GitRemote> remote, Open(request.url, request.who));
  if (!request.checksum.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(const GitCommit resolved, remote->Resolve(ctx, request.url.ref, progress));
    SLIPWAY_RETURN_IF_ERROR(CheckChecksum(request.url, request.checksum, resolved));
  }
  SLIPWAY_ASSIGN_OR_RETURN(const GitCommit commit,
                           remote->Bring(ctx, request.url.ref, limits.max_total_bytes, progress));
  SLIPWAY_RETURN_IF_ERROR(CheckChecksum(request.url, request.checksum, commit));
  return MakeTree(ctx, request, *remote, commit, limits, progress);
}

Result<FetchedContext> Source::MakeTree(const Context& ctx, const Request& request, GitRemote& remote,
                                        const GitCommit& commit, const Limits& limits, const VertexProgress& progress) {
  FetchedContext out;
  out.revision = commit.id;
  out.branch = commit.branch;
  SLIPWAY_ASSIGN_OR_RETURN(out.lease, store_.NewLease(fmt::format("git {}", request.url.Remote())));
  SLIPWAY_ASSIGN_OR_RETURN(const CommitInfo info, ReadCommit(remote.mirror(), commit.id));
  out.commit_time = SystemTime(std::chrono::seconds(info.time.seconds));
  const std::string key = fmt::format("{} {}", remote.mirror().name(), Identity(request, commit));
  SLIPWAY_ASSIGN_OR_RETURN(out.tree, RecallTree(key, store_, world_.memo, limits, &out.lease));
  if (out.tree != nullptr) return out;

  TreeMaker maker(ctx, *this, limits, progress, &out.lease);
  Status made = maker.Add(remote, commit, request.url.folder, "", 0);
  if (!made.ok()) return std::move(made).With(fmt::format("'{}' at {}", request.url.Remote(), commit.id.substr(0, 12)));
  // A folder of a checkout has no .git of its own.
  if (request.keep_git_dir && request.url.folder.empty()) {
    SLIPWAY_RETURN_IF_ERROR(AddGitDir(ctx, remote.mirror(), request.url.Remote(), commit, *maker.time(), store_,
                                      &out.lease, &maker.entries()));
  }
  const bool plain = maker.plain();
  out.tree = std::make_shared<const tree::Tree>(tree::Tree(maker.Take()));
  SLIPWAY_RETURN_IF_ERROR(CheckShape(*out.tree).With(fmt::format("'{}'", request.url.Remote())));
  // Submodules are not remembered with it: who may read this repository may perhaps not read theirs.
  if (plain) {
    SLIPWAY_RETURN_IF_ERROR(RememberTree(key, *out.tree, store_, world_.memo, &out.lease));
  }
  return out;
}

Status Source::Collect(const Context& ctx, std::chrono::seconds idle) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs::ListDir(world_.options.root));
  for (const std::string& name : names) {
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    const std::string folder = MirrorFolder(name);
    struct stat info {};
    if (::stat((folder + "/used").c_str(), &info) != 0) continue;
    const auto used = SystemTime(std::chrono::seconds(info.st_mtim.tv_sec));
    const bool crowded = fs::ListDir(folder + "/git/objects/pack").ValueOr({}).size() > kMostPackFiles;
    if (used + idle > std::chrono::system_clock::now() && !crowded) continue;
    // Whoever opens a mirror does so under this lock, so none is in use that is not in the map.
    const std::string doomed = folder + ".gone";
    {
      auto gates = gates_.Lock();
      const auto gate = gates->find(name);
      if (gate != gates->end() && !gate->second.expired()) continue;
      if (gate != gates->end()) gates->erase(gate);
      SLIPWAY_RETURN_IF_ERROR(fs::Rename(folder, doomed));
    }
    SLIPWAY_RETURN_IF_ERROR(world_.memo.ForgetMirror(name));
    SLIPWAY_RETURN_IF_ERROR(fs::RemoveAll(doomed));
  }
  return {};
}

Result<uint64_t> Source::TotalBytes() {
  uint64_t sum = 0;
  std::error_code error;
  for (auto it = std::filesystem::recursive_directory_iterator(world_.options.root, error);
       !error && it != std::filesystem::recursive_directory_iterator(); it.increment(error)) {
    struct stat info {};
    if (::lstat(it->path().c_str(), &info) == 0 && S_ISREG(info.st_mode))
      sum += static_cast<uint64_t>(info.st_blocks) * 512;
  }
  return sum;
}
}  // namespace

Result<std::unique_ptr<GitSource>> GitSource::Open(const GitOptions& options, content::Store& store, Memo& memo,
                                                   http::Transport& transport) {
  StartLibgit();
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(options.root, 0700));
  GitOptions full = options;
  if (full.known_hosts.empty()) full.known_hosts = options.root + "/known_hosts";
  // What a killed process left of Collect.
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs::ListDir(options.root));
  for (const std::string& name : names) {
    if (name.ends_with(".gone")) SLIPWAY_RETURN_IF_ERROR(fs::RemoveAll(options.root + "/" + name));
  }
#ifdef SLIPWAY_LIBGIT2_BOUNDS_OBJECTS
  git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECT_SIZE, static_cast<size_t>(options.max_blob_bytes));
#endif
  return std::unique_ptr<GitSource>(std::make_unique<Source>(std::move(full), store, memo, transport));
}

}  // namespace slipway::source
