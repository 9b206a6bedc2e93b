#include "executor/source/git_dir.h"

#include "executor/base/fs.h"

namespace slipway::source {

namespace {
Status Failed(int error, std::string_view what) {
  return LibgitError(error, fmt::format("make a .git folder: {}", what));
}

git_oid ToOid(const std::string& hex) {
  git_oid oid;
  git_oid_fromstr(&oid, hex.c_str());
  return oid;
}

int StopIfDone(int, uint32_t, uint32_t, void* payload) {
  return static_cast<const Context*>(payload)->Done() ? GIT_EUSER : 0;
}

/// Makes the folder's files on disk, below `dir`, and takes them in as content.
class GitDirMaker {
 public:
  GitDirMaker(const Context& ctx, const Mirror& mirror, const GitCommit& commit, tree::Time time, content::Store& store,
              content::Lease* lease, std::vector<tree::Entry>* entries)
      : ctx_(ctx), mirror_(mirror), commit_(commit), time_(time), store_(store), lease_(lease), entries_(entries) {}

  Status Make(const std::string& remote) {
    SLIPWAY_ASSIGN_OR_RETURN(temp_, fs::TempDir::Make("", "slipway-git-"));
    const git_oid oid = ToOid(commit_.id);
    CommitPtr commit;
    if (const int error = git_commit_lookup(Out(commit), mirror_.repository(), &oid); error != 0)
      return Failed(error, "commit");
    for (const char* folder :
         {"", "objects", "objects/info", "objects/pack", "refs", "refs/heads", "refs/tags", "info"})
      AddFolder(folder);
    SLIPWAY_RETURN_IF_ERROR(AddText("HEAD", commit_.id + "\n"));
    SLIPWAY_RETURN_IF_ERROR(AddText("config", Config(remote)));
    if (git_commit_parentcount(commit.get()) > 0) SLIPWAY_RETURN_IF_ERROR(AddText("shallow", commit_.id + "\n"));
    SLIPWAY_RETURN_IF_ERROR(AddReference());
    SLIPWAY_RETURN_IF_ERROR(AddPack(*commit));
    return AddIndex(*commit);
  }

 private:
  static std::string Config(const std::string& remote) {
    std::string url;
    for (const char c : remote) {
      if (c == '"' || c == '\\') url.push_back('\\');
      url.push_back(c);
    }
    return fmt::format(
        "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n"
        "[remote \"origin\"]\n\turl = \"{}\"\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n",
        url);
  }

  // What was asked for keeps its name, so that `git describe` and `git branch -r` say it.
  Status AddReference() {
    std::string name;
    std::string target = commit_.id;
    if (!commit_.branch.empty()) name = "refs/remotes/origin/" + commit_.branch;
    if (commit_.ref.starts_with("refs/tags/")) {
      name = commit_.ref;
      if (!commit_.tag_id.empty()) target = commit_.tag_id;
    }
    if (name.empty()) return {};
    return AddText("packed-refs", fmt::format("# pack-refs with: peeled fully-peeled sorted \n{} {}\n{}", target, name,
                                              target == commit_.id ? "" : fmt::format("^{}\n", commit_.id)));
  }

  Status AddPack(const git_commit& commit) {
    PackBuilderPtr builder;
    int error = git_packbuilder_new(Out(builder), mirror_.repository());
    if (error != 0) return Failed(error, "pack");
    git_packbuilder_set_threads(builder.get(), 1);  // with more, equal input gives other bytes
    git_packbuilder_set_callbacks(builder.get(), StopIfDone, const_cast<Context*>(&ctx_));
    error = git_packbuilder_insert(builder.get(), git_commit_id(&commit), nullptr);
    if (error == 0) error = git_packbuilder_insert_tree(builder.get(), git_commit_tree_id(&commit));
    if (error == 0 && !commit_.tag_id.empty()) {
      const git_oid tag = ToOid(commit_.tag_id);
      if (git_odb_exists(mirror_.odb(), &tag) == 1) error = git_packbuilder_insert(builder.get(), &tag, nullptr);
    }
    if (error == 0) error = git_packbuilder_write(builder.get(), temp_.path().c_str(), 0644, nullptr, nullptr);
    SLIPWAY_RETURN_IF_ERROR(ctx_.Err());
    if (error != 0) return Failed(error, "pack");
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs::ListDir(temp_.path()));
    for (const std::string& name : names) {
      if (name.ends_with(".pack") || name.ends_with(".idx"))
        SLIPWAY_RETURN_IF_ERROR(AddDiskFile("objects/pack/" + name, name, 0444));
    }
    return {};
  }

  Status AddIndex(const git_commit& commit) {
    const std::string path = temp_.path() + "/index";
    TreePtr tree;
    IndexPtr index;
    int error = git_commit_tree(Out(tree), &commit);
    if (error == 0) error = git_index_open(Out(index), path.c_str());
    if (error == 0) error = git_index_read_tree(index.get(), tree.get());
    if (error == 0) error = git_index_write(index.get());
    if (error != 0) return Failed(error, "index");
    return AddDiskFile("index", "index", 0644);
  }

  tree::Entry& Add(const std::string& path, tree::Type type, uint32_t mode) {
    tree::Entry entry;
    entry.path = path.empty() ? ".git" : ".git/" + path;
    entry.type = type;
    entry.mode = mode;
    entry.mtime = time_;
    entries_->push_back(std::move(entry));
    return entries_->back();
  }
  void AddFolder(const std::string& path) { Add(path, tree::Type::kDirectory, 0755); }

  Status AddText(const std::string& path, const std::string& text) {
    SLIPWAY_ASSIGN_OR_RETURN(const Digest digest, store_.Put(text, lease_));
    tree::Entry& entry = Add(path, tree::Type::kFile, 0644);
    entry.size = text.size();
    entry.digest = digest;
    return {};
  }

  Status AddDiskFile(const std::string& path, const std::string& name, uint32_t mode) {
    const std::string on_disk = temp_.path() + "/" + name;
    SLIPWAY_ASSIGN_OR_RETURN(const Digest digest, store_.PutFile(on_disk, lease_));
    struct stat info {};
    if (::stat(on_disk.c_str(), &info) != 0) return ErrnoStatus(errno, fmt::format("stat '{}'", on_disk));
    tree::Entry& entry = Add(path, tree::Type::kFile, mode);
    entry.size = static_cast<uint64_t>(info.st_size);
    entry.digest = digest;
    return {};
  }

  const Context& ctx_;
  const Mirror& mirror_;
  const GitCommit& commit_;
  tree::Time time_;
  content::Store& store_;
  content::Lease* lease_;
  std::vector<tree::Entry>* entries_;
  fs::TempDir temp_;
};
}  // namespace

Status AddGitDir(const Context& ctx, const Mirror& mirror, const std::string& remote, const GitCommit& commit,
                 tree::Time time, content::Store& store, content::Lease* lease, std::vector<tree::Entry>* entries) {
  return GitDirMaker(ctx, mirror, commit, time, store, lease, entries).Make(remote);
}

}  // namespace slipway::source
