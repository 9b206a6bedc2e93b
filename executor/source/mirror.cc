#include "executor/source/mirror.h"

#include <algorithm>
#include <chrono>

namespace slipway::source {

namespace {
// More would make requests long and answers no better.
constexpr size_t kMostTips = 64;

constexpr std::string_view kConfig =
    "[core]\n\trepositoryformatversion = 0\n\tbare = true\n\tfilemode = true\n\tlogallrefupdates = false\n[gc]\n\tauto "
    "= 0\n";

// What a killed process left of a fetch.
void Sweep(const std::string& folder) {
  Result<std::vector<std::string>> names = fs::ListDir(folder);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    if (name.starts_with("pack_git2_") || name.starts_with("tmp_")) fs::RemoveAll(fs::Join(folder, name)).Ignore();
  }
}

// As `git init --bare`, without templates: no hook can be there.
Status InitBare(const std::string& path) {
  if (fs::Exists(path + "/HEAD")) return {};
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(path + "/objects/pack", 0700));
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(path + "/objects/info", 0700));
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(path + "/refs/heads", 0700));
  SLIPWAY_RETURN_IF_ERROR(fs::WriteFileAtomic(path + "/config", kConfig));
  return fs::WriteFileAtomic(path + "/HEAD", "ref: refs/heads/none\n");
}
}  // namespace

Result<std::unique_ptr<PackWriter>> PackWriter::Begin(const std::string& folder, git_odb* odb, OnProgress on_progress) {
  auto writer = std::unique_ptr<PackWriter>(new PackWriter(std::move(on_progress)));
  git_indexer_options options = GIT_INDEXER_OPTIONS_INIT;
  if (const int error = git_indexer_new(&writer->indexer_, folder.c_str(), 0600, odb, &options); error != 0) {
    return LibgitError(error, "begin a pack");
  }
  return writer;
}

PackWriter::~PackWriter() {
  if (indexer_ != nullptr) git_indexer_free(indexer_);
}

Status PackWriter::Write(std::string_view bytes) {
  progress_.received_bytes += bytes.size();
  const int error = git_indexer_append(indexer_, bytes.data(), bytes.size(), &stats_);
  if (error != 0) return LibgitError(error, "the pack is damaged", Code::kDataLoss);
  Report();
  return {};
}

Status PackWriter::Commit() {
  const int error = git_indexer_commit(indexer_, &stats_);
  if (error != 0) return LibgitError(error, "the pack is damaged", Code::kDataLoss);
  Report();
  return {};
}

void PackWriter::Report() {
  progress_.received_objects = stats_.received_objects;
  progress_.total_objects = stats_.total_objects;
  if (on_progress_) on_progress_(progress_);
}

Result<std::unique_ptr<Mirror>> Mirror::Open(const std::string& folder, const std::string& name,
                                             const std::string& remote) {
  StartLibgit();
  auto mirror = std::unique_ptr<Mirror>(new Mirror(folder, name));
  const std::string path = folder + "/git";
  SLIPWAY_RETURN_IF_ERROR(InitBare(path));
  if (!fs::Exists(folder + "/remote")) SLIPWAY_RETURN_IF_ERROR(fs::WriteFileAtomic(folder + "/remote", remote + "\n"));
  if (const int error = git_repository_open_bare(Out(mirror->repository_), path.c_str()); error != 0) {
    return LibgitError(error, fmt::format("open the mirror of '{}'", remote), Code::kDataLoss);
  }
  if (const int error = git_repository_odb(Out(mirror->odb_), mirror->repository_.get()); error != 0) {
    return LibgitError(error, fmt::format("open the mirror of '{}'", remote), Code::kDataLoss);
  }
  return mirror;
}

Result<std::unique_ptr<Mirror>> Mirror::OpenLocal(const std::string& path, const std::string& name) {
  StartLibgit();
  auto mirror = std::unique_ptr<Mirror>(new Mirror("", name));
  if (!fs::Exists(path)) return NotFound("there is no repository '{}'", path);
  const int error =
      git_repository_open_ext(Out(mirror->repository_), path.c_str(), GIT_REPOSITORY_OPEN_NO_SEARCH, nullptr);
  if (error == GIT_ENOTFOUND) return FailedPrecondition("'{}' is not a git repository", path);
  if (error != 0) return LibgitError(error, fmt::format("open '{}'", path), Code::kFailedPrecondition);
  if (const int no_odb = git_repository_odb(Out(mirror->odb_), mirror->repository_.get()); no_odb != 0) {
    return LibgitError(no_odb, fmt::format("open '{}'", path), Code::kFailedPrecondition);
  }
  return mirror;
}

Result<Mirror::FetchLock> Mirror::LockForFetch(const Context& ctx, std::timed_mutex& gate) {
  constexpr auto kPoll = std::chrono::milliseconds(50);
  FetchLock lock;
  lock.in_process_ = std::unique_lock(gate, std::defer_lock);
  while (!lock.in_process_.try_lock_for(kPoll)) SLIPWAY_RETURN_IF_ERROR(ctx.Err());
  while (true) {
    Result<fs::FileLock> file = fs::FileLock::TryAcquire(folder_ + "/lock");
    if (file.ok()) {
      lock.file_ = std::move(file).value();
      break;
    }
    if (file.code() != Code::kFailedPrecondition) return std::move(file).status();
    SLIPWAY_RETURN_IF_ERROR(ctx.Sleep(kPoll));
  }
  Sweep(objects_folder());
  Sweep(objects_folder() + "/pack");
  Refresh();
  return lock;
}

Result<std::string> Mirror::PeelToCommit(const std::string& oid) const {
  git_oid id;
  if (git_oid_fromstr(&id, oid.c_str()) != 0) return InvalidArgument("'{}' is no object id", oid);
  ObjectPtr object;
  if (const int error = git_object_lookup(Out(object), repository_.get(), &id, GIT_OBJECT_ANY); error != 0) {
    return LibgitError(error, fmt::format("object {}", oid), Code::kDataLoss);
  }
  ObjectPtr commit;
  if (const int error = git_object_peel(Out(commit), object.get(), GIT_OBJECT_COMMIT); error != 0) {
    if (error == GIT_ENOTFOUND) return LibgitError(error, fmt::format("object {}", oid));
    return FailedPrecondition("{} is a {}, not a commit", oid, git_object_type2string(git_object_type(object.get())));
  }
  return OidHex(*git_object_id(commit.get()));
}

Result<std::string> Mirror::FindCommit(const std::string& prefix) const {
  git_oid id;
  if (git_oid_fromstrn(&id, prefix.data(), prefix.size()) != 0) return InvalidArgument("'{}' is no object id", prefix);
  CommitPtr commit;
  const int error = git_commit_lookup_prefix(Out(commit), repository_.get(), &id, prefix.size());
  if (error == GIT_EAMBIGUOUS)
    return FailedPrecondition("'{}' is the beginning of several ids; write more of it", prefix);
  if (error != 0) return LibgitError(error, fmt::format("commit '{}'", prefix), Code::kDataLoss);
  return OidHex(*git_commit_id(commit.get()));
}

void Mirror::Refresh() const { git_odb_refresh(odb_.get()); }

std::vector<Tip> Mirror::Tips() const {
  std::vector<Tip> tips;
  Result<std::string> text = fs::ReadFile(folder_ + "/tips", 1U << 20);
  if (!text.ok()) return tips;
  std::string_view rest = *text;
  while (rest.size() > GIT_OID_HEXSZ) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.size() < GIT_OID_HEXSZ || !IsHex(line.substr(0, GIT_OID_HEXSZ), GIT_OID_HEXSZ)) continue;
    Tip tip{.oid = std::string(line.substr(0, GIT_OID_HEXSZ)), .shallow = line.substr(GIT_OID_HEXSZ) == " shallow"};
    git_oid id;
    git_oid_fromstr(&id, tip.oid.c_str());
    // Saying that something is here which is not would make the server leave out what is needed.
    if (git_odb_exists(odb_.get(), &id) == 1) tips.push_back(std::move(tip));
  }
  return tips;
}

Status Mirror::AddTips(const std::vector<Tip>& tips, const std::set<std::string>& complete) {
  std::vector<Tip> all;
  std::set<std::string> seen;
  const std::vector<Tip> before = Tips();
  for (const std::vector<Tip>* list : {&tips, &before}) {
    for (const Tip& tip : *list) {
      if (all.size() < kMostTips && seen.insert(tip.oid).second) all.push_back(tip);
    }
  }
  std::string text;
  for (const Tip& tip : all)
    text += fmt::format("{}{}\n", tip.oid, tip.shallow && !complete.contains(tip.oid) ? " shallow" : "");
  return fs::WriteFileAtomic(folder_ + "/tips", text);
}

}  // namespace slipway::source
