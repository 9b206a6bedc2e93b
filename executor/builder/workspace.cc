#include "executor/builder/workspace.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include <array>
#include <vector>

#include "executor/base/clock.h"
#include "executor/base/fs.h"
#include "executor/builder/ignore.h"
#include "executor/layer/archive.h"

namespace slipway::builder {

namespace {

constexpr int64_t kSecond = 1'000'000'000;
// A file that changed so short before it was looked at may change again and keep its times.
constexpr int64_t kRacy = kSecond / 10;
constexpr int kWalks = 3;  // of a folder in which something vanished meanwhile

int64_t Nanos(const timespec& t) { return t.tv_sec * kSecond + t.tv_nsec; }

// The clock that the kernel stamps files with.
int64_t StampClock() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return Nanos(now);
}

std::string Below(const std::string& folder, std::string_view path) {
  return folder.empty() ? std::string(path) : fmt::format("{}/{}", folder, path);
}

Result<UniqueFd> OpenFolder(const std::string& root, const std::string& path) {
  SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd dir, fs::Open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  auto folder = fs::OpenInRoot(dir.get(), path.empty() ? "." : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder.ok() || folder.code() != Code::kNotFound) return folder;
  return NotFound("the workspace has no folder '{}'", path);
}

// What a context does not carry: owners, attributes but "user.*", devices.
void MakePlain(std::vector<tree::Entry>* entries) {
  std::erase_if(*entries, [](const tree::Entry& e) {
    return e.type == tree::Type::kWhiteout || e.type == tree::Type::kCharDevice || e.type == tree::Type::kBlockDevice;
  });
  for (tree::Entry& entry : *entries) {
    entry.uid = 0;
    entry.gid = 0;
    entry.opaque = false;
    std::erase_if(entry.xattrs, [](const auto& xattr) { return !xattr.first.starts_with("user."); });
  }
}

// A further name of a file that is not in the tree is a file of its own.
void CutLinks(const tree::Tree& all, std::vector<tree::Entry>* kept) {
  const tree::Tree have(*kept);
  for (tree::Entry& entry : *kept) {
    if (entry.type != tree::Type::kHardlink || have.Find(entry.link) != nullptr) continue;
    const tree::Entry* file = all.Find(entry.link);
    if (file == nullptr) continue;
    const std::string path = entry.path;
    entry = *file;
    entry.path = path;
  }
}

Status CopyToBatch(const Context& ctx, int fd, uint64_t size, content::BatchIngest& batch) {
  std::array<char, 256U << 10> buffer;
  SLIPWAY_RETURN_IF_ERROR(batch.BeginFile(size, {}));
  for (uint64_t done = 0; done < size;) {
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    const size_t want = static_cast<size_t>(std::min<uint64_t>(buffer.size(), size - done));
    SLIPWAY_ASSIGN_OR_RETURN(const size_t got, fs::ReadFull(fd, std::span(buffer).first(want)));
    if (got == 0) return Aborted("it got shorter while it was read");
    SLIPWAY_RETURN_IF_ERROR(batch.Append({buffer.data(), got}));
    done += got;
  }
  return Status();
}

}  // namespace

Workspace::Workspace(std::string folder, source::FetchedContext source, content::Store& content)
    : folder_(std::move(folder)), source_(std::move(source)), content_(content) {}

Status Workspace::Fill(const Context& ctx) {
  const std::lock_guard lock(mutex_);
  if (filled_) return Status();
  // A failed attempt may have left half of it.
  SLIPWAY_RETURN_IF_ERROR(fs::RemoveAll(folder_));
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(folder_, 0755));
  if (source_.tree) {
    layer::EntrySource source;
    source.tree = source_.tree;
    source.open = [this](const tree::Entry& entry) { return content_.Open(entry.digest); };
    SLIPWAY_RETURN_IF_ERROR(layer::MaterializeTree(ctx, source, folder_).With("fill the workspace"));
  }
  RememberSource();
  filled_ = true;
  return Status();
}

// No container has run yet, so what lies there is what was written. Later changes have later times, since a container
// takes many ticks of the clock to start.
void Workspace::RememberSource() {
  const auto dir = fs::Open(folder_, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (!dir.ok() || !source_.tree) return;
  for (const tree::Entry& entry : source_.tree->entries()) {
    Known known{.stamp = {}, .digest = entry.digest};
    if (entry.is_file() && StampOf(dir->get(), entry.path, &known.stamp)) known_[entry.path] = known;
  }
}

bool Workspace::StampOf(int folder, const std::string& path, Stamp* stamp) {
  struct stat st {};
  if (::fstatat(folder, path.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode)) return false;
  *stamp = {.device = st.st_dev,
            .inode = st.st_ino,
            .size = static_cast<uint64_t>(st.st_size),
            .mtime_ns = Nanos(st.st_mtim),
            .ctime_ns = Nanos(st.st_ctim)};
  return true;
}

// Whether a link (or a further name of a file) stands in a path of the source.
bool Workspace::LinkInSource(const std::string& path) const {
  if (!source_.tree) return false;
  for (size_t end = path.find('/');; end = path.find('/', end + 1)) {
    const tree::Entry* entry = source_.tree->Find(std::string_view(path).substr(0, end));
    if (entry != nullptr && (entry->type == tree::Type::kSymlink || entry->type == tree::Type::kHardlink)) return true;
    if (end == std::string::npos) return false;
  }
}

tree::Tree Workspace::SourceBelow(const std::string& path) const {
  if (!source_.tree) return {};
  std::vector<tree::Entry> out;
  const auto [first, last] = source_.tree->Range(path);
  for (size_t i = first; i < last; ++i) {
    tree::Entry entry = source_.tree->entries()[i];
    if (entry.path == path) continue;
    if (!path.empty()) entry.path.erase(0, path.size() + 1);
    if (entry.type == tree::Type::kHardlink && !path.empty()) {
      if (entry.link.starts_with(path + "/")) {
        entry.link.erase(0, path.size() + 1);
      } else if (const tree::Entry* file = source_.tree->Find(entry.link)) {
        const std::string name = entry.path;
        entry = *file;
        entry.path = name;
      }
    }
    out.push_back(std::move(entry));
  }
  return tree::Tree(std::move(out));
}

Result<tree::Tree> Workspace::WalkFolder(const Context& ctx, const std::string& path) const {
  Result<tree::Tree> walked = Internal("not walked");
  for (int i = 0; i < kWalks; ++i) {
    SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd folder, OpenFolder(folder_, path));
    walked = layer::WalkUpper(ctx, fmt::format("/proc/self/fd/{}", folder.get()));
    if (walked.ok() || walked.code() != Code::kNotFound) break;
  }
  SLIPWAY_RETURN_IF_ERROR(walked.status().With("read the workspace"));
  std::vector<tree::Entry> entries = walked->entries();
  MakePlain(&entries);
  return tree::Tree(std::move(entries));
}

// Digests for the files that have none; those that nobody touched are known.
Result<Workspace::Selection> Workspace::ReadContents(const Context& ctx, const std::string& path, tree::Tree tree) {
  Selection out;
  SLIPWAY_ASSIGN_OR_RETURN(out.lease, content_.NewLease("a context out of a workspace"));
  SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd folder, OpenFolder(folder_, path));
  SLIPWAY_ASSIGN_OR_RETURN(const std::unique_ptr<content::BatchIngest> batch, content_.BeginBatch());
  std::vector<tree::Entry> entries = tree.entries();
  std::vector<Digest> leased;
  std::vector<std::pair<std::string, Known>> learnt;
  for (tree::Entry& entry : entries) {
    if (!entry.is_file()) continue;
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    const int64_t looked_at = StampClock();
    Known now;
    if (!StampOf(folder.get(), entry.path, &now.stamp)) {
      return Aborted("'{}' changed while the context was read", entry.path);
    }
    {
      const std::lock_guard lock(mutex_);
      const auto known = known_.find(Below(path, entry.path));
      if (known != known_.end() && known->second.stamp == now.stamp) entry.digest = known->second.digest;
    }
    if (!entry.digest.empty() && content_.Has(entry.digest)) {
      leased.push_back(entry.digest);
      continue;
    }
    // A step that runs meanwhile can have put something else there.
    SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd file, fs::OpenRegularBeneath(folder.get(), entry.path));
    entry.size = now.stamp.size;
    SLIPWAY_RETURN_IF_ERROR(
        CopyToBatch(ctx, file.get(), entry.size, *batch).With(fmt::format("read '{}'", entry.path)));
    SLIPWAY_ASSIGN_OR_RETURN(entry.digest, batch->EndFile());
    now.digest = entry.digest;
    if (now.stamp.ctime_ns + kRacy < looked_at) learnt.emplace_back(Below(path, entry.path), now);
  }
  SLIPWAY_RETURN_IF_ERROR(out.lease.Add(leased));
  SLIPWAY_RETURN_IF_ERROR(batch->Commit(&out.lease));
  const std::lock_guard lock(mutex_);
  for (auto& [name, known] : learnt) known_[name] = known;
  out.tree = tree::Tree(std::move(entries));
  return out;
}

Result<Workspace::Selection> Workspace::Select(const Context& ctx, const std::string& path,
                                               const PatternMatcher& ignore) {
  bool filled = false;
  {
    const std::lock_guard lock(mutex_);
    filled = filled_;
  }
  if (!filled && !path.empty()) {
    const tree::Entry* entry = source_.tree ? source_.tree->Find(path) : nullptr;
    if (entry != nullptr && !entry->is_dir() && !LinkInSource(path)) {
      return NotFound("'{}' of the workspace is no folder", path);
    }
    // Behind a link, or a folder that only its contents name: the disk knows.
    if (entry == nullptr || !entry->is_dir()) {
      SLIPWAY_RETURN_IF_ERROR(Fill(ctx));
      filled = true;
    }
  }
  tree::Tree all;
  if (filled) {
    SLIPWAY_ASSIGN_OR_RETURN(all, WalkFolder(ctx, path));
  } else {
    all = SourceBelow(path);
  }
  std::vector<tree::Entry> kept = (ignore.empty() ? all : WithoutIgnored(all, ignore)).entries();
  CutLinks(all, &kept);
  if (filled) return ReadContents(ctx, path, tree::Tree(std::move(kept)));
  Selection out;
  SLIPWAY_ASSIGN_OR_RETURN(out.lease, content_.NewLease("a context out of a workspace"));
  std::vector<Digest> contents;
  for (const tree::Entry& entry : kept) {
    if (entry.is_file()) contents.push_back(entry.digest);
  }
  SLIPWAY_RETURN_IF_ERROR(out.lease.Add(contents));
  out.tree = tree::Tree(std::move(kept));
  return out;
}

Result<std::string> Workspace::ReadFile(const std::string& path, uint64_t limit) {
  bool filled = false;
  {
    const std::lock_guard lock(mutex_);
    filled = filled_;
  }
  if (!filled) {
    const tree::Entry* entry = source_.tree ? source_.tree->Find(path) : nullptr;
    if (entry != nullptr && entry->is_file()) {
      SLIPWAY_ASSIGN_OR_RETURN(const content::Blob blob, content_.Open(entry->digest));
      return blob.ReadAll(limit);
    }
    if (!LinkInSource(path)) return NotFound("the workspace has no file '{}'", path);
    // Where a link leads is asked of the disk.
    SLIPWAY_RETURN_IF_ERROR(Fill(Context::Background()));
  }
  SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd dir, fs::Open(folder_, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  auto file = fs::OpenRegularInRoot(dir.get(), path);
  if (file.code() == Code::kNotFound) return NotFound("the workspace has no file '{}'", path);
  if (file.code() == Code::kFailedPrecondition) return InvalidArgument("{}", file.status().message());
  SLIPWAY_RETURN_IF_ERROR(file.status());
  struct stat st {};
  if (::fstat(file->get(), &st) != 0) return ErrnoStatus(errno, fmt::format("look at '{}' of the workspace", path));
  if (static_cast<uint64_t>(st.st_size) > limit) {
    return ResourceExhausted("'{}' is larger than {}", path, FormatBytes(limit));
  }
  std::string text(static_cast<size_t>(st.st_size), '\0');
  SLIPWAY_ASSIGN_OR_RETURN(const size_t got, fs::ReadFull(file->get(), text));
  text.resize(got);
  return text;
}

}  // namespace slipway::builder
