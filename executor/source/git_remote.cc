#include "executor/source/git_remote.h"

#include <algorithm>
#include <chrono>

#include "executor/base/ascii.h"
#include "executor/http/url.h"
#include "executor/source/retry.h"
#include "executor/source/static_git.h"

namespace slipway::source {

namespace {
constexpr size_t kShortestId = 4;

// Which credentials read a remote is remembered by this: neither token nor key can be had back from it.
Digest DigestOfCredentials(const Memo& memo, const GitCredentials& who) {
  Hasher hasher;
  hasher.Field(memo.salt()).Field(who.user).Field(who.password).Field(who.ssh_agent);
  const std::string key = who.ssh_key.empty() ? "" : fs::ReadFile(who.ssh_key, 1U << 20).ValueOr("");
  return hasher.Field(key).Finish();
}

Status CheckTransport(const GitWorld& world, const GitUrl& url) {
  if (url.scheme == GitUrl::Scheme::kFile && !world.options.allow_local) {
    return PermissionDenied("'{}': repositories in folders of this machine are not allowed here", url.Remote());
  }
  return {};
}

/// Tells of a download, not more often than people can read.
class FetchProgress {
 public:
  FetchProgress(const VertexProgress& progress, std::string what) : progress_(progress), what_(std::move(what)) {}
  void operator()(const PackProgress& now) {
    last_ = now;
    const auto time = std::chrono::steady_clock::now();
    if (time - told_ < std::chrono::milliseconds(100)) return;
    told_ = time;
    progress_.Count(what_, now.received_bytes, 0);
  }
  void Done(const std::string& remote) const {
    progress_.Count(what_, last_.received_bytes, last_.received_bytes);
    progress_.Note(fmt::format("fetched {} new objects ({}) from '{}'", last_.received_objects,
                               FormatBytes(last_.received_bytes), remote));
  }

 private:
  const VertexProgress& progress_;
  std::string what_;
  PackProgress last_;
  std::chrono::steady_clock::time_point told_;
};
}  // namespace

GitRemote::GitRemote(const GitWorld& world, GitUrl url, GitCredentials who, std::shared_ptr<std::timed_mutex> gate)
    : world_(world),
      url_(std::move(url)),
      who_(std::move(who)),
      who_digest_(DigestOfCredentials(world.memo, who_)),
      gate_(std::move(gate)) {}

std::string GitRemote::MirrorName(const GitUrl& url) { return Digest::Of(url.Identity()).hex().substr(0, 40); }

Result<std::unique_ptr<GitRemote>> GitRemote::Open(const GitWorld& world, const GitUrl& url, const GitCredentials& who,
                                                   std::shared_ptr<std::timed_mutex> gate) {
  SLIPWAY_RETURN_IF_ERROR(CheckTransport(world, url));
  auto remote = std::unique_ptr<GitRemote>(new GitRemote(world, url, who, std::move(gate)));
  const std::string name = MirrorName(url);
  if (remote->local()) {
    SLIPWAY_ASSIGN_OR_RETURN(remote->mirror_, Mirror::OpenLocal(url.path, name));
  } else {
    SLIPWAY_ASSIGN_OR_RETURN(remote->mirror_, Mirror::Open(world.options.root + "/" + name, name, url.Identity()));
  }
  return remote;
}

bool GitRemote::Here(const std::string& oid) const {
  git_oid id;
  return git_oid_fromstr(&id, oid.c_str()) == 0 && git_odb_exists(mirror_->odb(), &id) == 1;
}

Result<GitCommit> GitRemote::Resolve(const Context& ctx, const std::string& ref, const VertexProgress& progress) {
  if (max_bytes_ == 0) max_bytes_ = UINT64_MAX;
  SLIPWAY_ASSIGN_OR_RETURN(const RefChoice choice, Find(ctx, ref, progress));
  return choice.commit;
}

Result<GitCommit> GitRemote::Bring(const Context& ctx, const std::string& ref, uint64_t max_bytes,
                                   const VertexProgress& progress) {
  max_bytes_ = max_bytes;
  SLIPWAY_ASSIGN_OR_RETURN(RefChoice choice, Find(ctx, ref, progress));
  if (!Here(choice.want)) SLIPWAY_RETURN_IF_ERROR(Fetch(ctx, {.wants = {choice.want}}, false, progress));
  SLIPWAY_ASSIGN_OR_RETURN(choice.commit.id,
                           mirror_->PeelToCommit(choice.want).With(fmt::format("'{}'", url_.Remote())));
  return choice.commit;
}

Status GitRemote::BringCommit(const Context& ctx, const GitCommit& commit, uint64_t max_bytes,
                              const VertexProgress& progress) {
  max_bytes_ = max_bytes;
  // A tag is asked for by its own id: its object is wanted too.
  const std::string& want = commit.tag_id.empty() ? commit.id : commit.tag_id;
  SLIPWAY_ASSIGN_OR_RETURN(const RefChoice choice, FindById(ctx, want, progress));
  return Here(choice.want) ? Status() : Fetch(ctx, {.wants = {choice.want}}, false, progress);
}

Status GitRemote::Repair(const Context& ctx, const GitCommit& commit, uint64_t max_bytes,
                         const VertexProgress& progress) {
  if (local()) return FailedPrecondition("the repository '{}' lacks objects; try 'git fsck' there", url_.Remote());
  max_bytes_ = max_bytes;
  progress.Note(fmt::format("the mirror of '{}' is incomplete; fetching the commit again", url_.Remote()));
  connection_.reset();  // it may have been used
  SLIPWAY_RETURN_IF_ERROR(Connect(ctx));
  return Fetch(ctx, {.wants = {commit.id}}, true, progress);
}

Result<RefChoice> GitRemote::Find(const Context& ctx, const std::string& ref, const VertexProgress& progress) {
  if (!ref.empty() && ref != "HEAD") SLIPWAY_RETURN_IF_ERROR(CheckRef(ref));
  if (IsHex(ref, GIT_OID_HEXSZ)) return FindById(ctx, LowerAscii(ref), progress);
  SLIPWAY_RETURN_IF_ERROR(Connect(ctx));
  SLIPWAY_ASSIGN_OR_RETURN(std::optional<RefChoice> choice,
                           ChooseRef(*listed_, ref).With(fmt::format("'{}'", url_.Remote())));
  if (choice) return *std::move(choice);
  if (!IsHex(ref, kShortestId)) return NoSuchRef(*listed_, url_.Remote(), ref);

  // The beginning of a commit's id: of one that a reference is at, one that is here, or any.
  const std::string prefix = LowerAscii(ref);
  if (auto tip = ChooseByCommit(*listed_, prefix)) return *std::move(tip);
  Result<std::string> id = mirror_->FindCommit(prefix);
  if (id.code() == Code::kNotFound && !local()) {
    SLIPWAY_RETURN_IF_ERROR(FetchEverything(ctx, progress));
    id = mirror_->FindCommit(prefix);
  }
  if (id.code() == Code::kNotFound) return NoSuchRef(*listed_, url_.Remote(), ref);
  if (!id.ok()) return std::move(id).status();
  return RefChoice{.want = *id, .commit = {.id = *id}};
}

Result<RefChoice> GitRemote::FindById(const Context& ctx, const std::string& id, const VertexProgress& progress) {
  RefChoice choice{.want = id, .commit = {.id = id}};
  if (Here(id)) {
    // What is in the mirror is given only to those who may have it.
    bool may = local();
    if (!may) {
      SLIPWAY_ASSIGN_OR_RETURN(may, world_.memo.MayRead(mirror_->name(), who_digest_));
    }
    if (!may) SLIPWAY_RETURN_IF_ERROR(Connect(ctx));
    SLIPWAY_ASSIGN_OR_RETURN(choice.commit.id, mirror_->PeelToCommit(id));
    return choice;
  }
  SLIPWAY_RETURN_IF_ERROR(Connect(ctx));
  if (auto tip = ChooseByCommit(*listed_, id)) return *std::move(tip);
  if (local()) return NoSuchRef(*listed_, url_.Remote(), id);
  // What a server says it allows is not always all: the question costs little.
  const Advertisement& server = *connection_->server();
  const bool by_id = !connection_->static_url().empty() || server.Can("allow-reachable-sha1-in-want") ||
                     server.Can("allow-tip-sha1-in-want");
  Status status = NotFound("the server gives no commits by their ids");
  if (by_id) status = Fetch(ctx, {.wants = {id}}, false, progress);
  SLIPWAY_RETURN_IF_ERROR(ctx.Err());
  if (!status.ok() && (status.code() == Code::kNotFound || status.code() == Code::kFailedPrecondition)) {
    connection_.reset();
    SLIPWAY_RETURN_IF_ERROR(url_.via.empty() ? FetchEverything(ctx, progress) : FetchHistory(ctx, url_.via, progress));
  } else if (!status.ok()) {
    return status;
  }
  if (!Here(id)) return NoSuchRef(*listed_, url_.Remote(), id);
  SLIPWAY_ASSIGN_OR_RETURN(choice.commit.id, mirror_->PeelToCommit(id));
  return choice;
}

Status GitRemote::Connect(const Context& ctx) {
  if (local()) return listed_ != nullptr ? Status() : ListLocal();
  if (connection_ != nullptr) return {};
  const auto connect = [&]() -> Result<std::unique_ptr<GitConnection>> {
    switch (url_.scheme) {
      case GitUrl::Scheme::kHttp:
      case GitUrl::Scheme::kHttps: return ConnectHttp(ctx, world_.transport, url_, who_);
      case GitUrl::Scheme::kSsh: {
        const SshOptions ssh{.program = world_.options.ssh_program,
                             .known_hosts = world_.options.known_hosts,
                             .accept_new = world_.options.host_keys == GitOptions::HostKeys::kAcceptNew};
        return ConnectSsh(ctx, ssh, url_, who_);
      }
      case GitUrl::Scheme::kGit: return ConnectGitProtocol(ctx, url_);
      case GitUrl::Scheme::kFile: break;
    }
    return Internal("no transport");
  };
  Result<std::unique_ptr<GitConnection>> connection = Internal("not tried");
  // HTTP retries by itself, request by request.
  const Status status =
      url_.http() ? (connection = connect()).status() : Retry(ctx, [&] { return (connection = connect()).status(); });
  SLIPWAY_RETURN_IF_ERROR(status);
  connection_ = std::move(connection).value();
  listed_ = connection_->server();
  return world_.memo.AddReader(mirror_->name(), who_digest_);
}

// The same list that a server would give.
Status GitRemote::ListLocal() {
  Advertisement out;
  git_reference_iterator* raw = nullptr;
  if (const int error = git_reference_iterator_new(&raw, mirror_->repository()); error != 0)
    return LibgitError(error, "list references");
  const GitOwner<git_reference_iterator, git_reference_iterator_free> iterator(raw);
  ReferencePtr reference;
  while (git_reference_next(Out(reference), iterator.get()) == 0) {
    ReferencePtr direct;
    ObjectPtr object;
    if (git_reference_resolve(Out(direct), reference.get()) != 0) continue;
    RemoteRef ref{.name = git_reference_name(reference.get()), .oid = OidHex(*git_reference_target(direct.get()))};
    if (git_reference_peel(Out(object), direct.get(), GIT_OBJECT_COMMIT) != 0) continue;
    const std::string commit = OidHex(*git_object_id(object.get()));
    if (commit != ref.oid) ref.peeled = commit;
    out.refs.push_back(std::move(ref));
  }
  ReferencePtr head;
  if (git_reference_lookup(Out(head), mirror_->repository(), "HEAD") == 0) {
    if (const char* target = git_reference_symbolic_target(head.get())) out.head_ref = target;
    git_oid oid;
    if (git_reference_name_to_id(&oid, mirror_->repository(), "HEAD") == 0) out.head = OidHex(oid);
  }
  listed_ = std::make_shared<const Advertisement>(std::move(out));
  return {};
}

Status GitRemote::FetchHistory(const Context& ctx, const std::string& ref, const VertexProgress& progress) {
  SLIPWAY_RETURN_IF_ERROR(Connect(ctx));
  const RemoteRef* found = listed_->Find(ref);
  if (found == nullptr) return NoSuchRef(*listed_, url_.Remote(), ref);
  return Fetch(ctx, {.wants = {found->oid}, .whole_history = true}, false, progress);
}

Status GitRemote::FetchEverything(const Context& ctx, const VertexProgress& progress) {
  SLIPWAY_RETURN_IF_ERROR(Connect(ctx));
  FetchWish wish{.whole_history = true};
  for (const RemoteRef& ref : listed_->refs) {
    if (ref.name.starts_with("refs/heads/") || ref.name.starts_with("refs/tags/")) wish.wants.push_back(ref.oid);
  }
  std::sort(wish.wants.begin(), wish.wants.end());
  wish.wants.erase(std::unique(wish.wants.begin(), wish.wants.end()), wish.wants.end());
  if (wish.wants.empty()) return {};
  return Fetch(ctx, wish, false, progress);
}

Status GitRemote::Fetch(const Context& ctx, const FetchWish& wish, bool repair, const VertexProgress& progress) {
  SLIPWAY_ASSIGN_OR_RETURN(const Mirror::FetchLock lock, mirror_->LockForFetch(ctx, *gate_));
  // Someone else may have fetched it while we waited.
  const bool one = wish.wants.size() == 1 && !wish.whole_history && !repair;
  if (one && Here(wish.wants.front())) return {};
  SLIPWAY_RETURN_IF_ERROR(Connect(ctx));
  FetchProgress fetch_progress(progress, fmt::format("fetch {}", url_.Remote()));
  const PackWriter::OnProgress on_progress = [&fetch_progress](const PackProgress& now) { fetch_progress(now); };
  Status status;
  if (connection_->static_url().empty()) {
    FetchWish full = wish;
    if (!repair) full.haves = mirror_->Tips();
    // A pack cannot be taken up where it broke off: each attempt begins with the connection.
    status = Retry(ctx, [&]() -> Status {
      SLIPWAY_RETURN_IF_ERROR(Connect(ctx));
      const Status attempt = FetchSmart(ctx, full, on_progress);
      connection_.reset();
      return attempt;
    });
  } else {
    const StaticWish still{.wants = wish.wants,
                           .whole_history = wish.whole_history,
                           .repair = repair,
                           .max_bytes = max_bytes_,
                           .max_object_bytes = world_.options.max_blob_bytes};
    status = FetchStatic(ctx, world_.transport, *connection_, *mirror_, still, on_progress);
    if (status.ok()) status = Record(wish, nullptr);
  }
  connection_.reset();
  if (!status.ok()) return std::move(status).With(fmt::format("fetch from '{}'", url_.Remote()));
  fetch_progress.Done(url_.Remote());
  return {};
}

Status GitRemote::FetchSmart(const Context& ctx, const FetchWish& wish, const PackWriter::OnProgress& on_progress) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string request, FetchRequest(*connection_->server(), wish));
  SLIPWAY_ASSIGN_OR_RETURN(const std::unique_ptr<PackWriter> pack,
                           PackWriter::Begin(mirror_->objects_folder() + "/pack", mirror_->odb(), on_progress));
  FetchReader answer([&](std::string_view bytes) -> Status {
    if (pack->progress().received_bytes + bytes.size() > max_bytes_) {
      return ResourceExhausted("more than {} to download; the operator's limit is context.max_total_bytes",
                               FormatBytes(max_bytes_));
    }
    return pack->Write(bytes);
  });
  SLIPWAY_RETURN_IF_ERROR(connection_->Fetch(ctx, request, [&](std::string_view bytes) {
    const Status cancelled = ctx.Err();
    return cancelled.ok() ? answer.Feed(bytes) : cancelled;
  }));
  SLIPWAY_RETURN_IF_ERROR(answer.Finish());
  SLIPWAY_RETURN_IF_ERROR(pack->Commit());
  mirror_->Refresh();
  return Record(wish, &answer);
}

// What was wanted and came is what the next fetch says it has.
Status GitRemote::Record(const FetchWish& wish, const FetchReader* answer) {
  std::vector<Tip> tips;
  for (const std::string& want : wish.wants) {
    Result<std::string> commit = mirror_->PeelToCommit(want);
    if (!commit.ok()) continue;  // a tag of a tree, say
    const bool cut = answer == nullptr ? !wish.whole_history : answer->shallow().contains(*commit);
    tips.push_back({.oid = *commit, .shallow = cut});
  }
  static const std::set<std::string> kNone;
  return mirror_->AddTips(tips, answer == nullptr ? kNone : answer->unshallow());
}

}  // namespace slipway::source
