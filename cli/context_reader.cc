#include "cli/context_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <span>

#include "cli/context_walker.h"
#include "executor/base/fs.h"

namespace slipway::cli {

namespace {

constexpr uint64_t kSmallFile = 128U << 10;
constexpr int64_t kKeptBytes = 64 << 20;
constexpr size_t kPiece = 512U << 10;
// One task reads about this much, so that neither many small nor few large files leave a thread without work.
constexpr size_t kTaskFiles = 128;
constexpr uint64_t kTaskBytes = 4U << 20;
constexpr int kTries = 3;

int64_t Nanos(const timespec& time) { return static_cast<int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec; }

Result<FileStamp> StampOf(int fd, const std::string& path) {
  struct stat st {};
  if (::fstat(fd, &st) != 0) return ErrnoStatus(errno, fmt::format("stat '{}' of the context", path));
  if (!S_ISREG(st.st_mode)) return Aborted("'{}' of the context is not a file any more; run the command again", path);
  return FileStamp{.size = static_cast<uint64_t>(st.st_size),
                   .mtime_ns = Nanos(st.st_mtim),
                   .ctime_ns = Nanos(st.st_ctim),
                   .inode = st.st_ino,
                   .device = st.st_dev};
}

// Reads files one after another; each thread has its own.
class Worker {
 public:
  Worker(const Context& ctx, int root_fd, std::atomic<int64_t>* keep_left, ReadProgress* progress)
      : ctx_(ctx), opener_(root_fd), keep_left_(*keep_left), progress_(*progress) {}

  Status Read(ContextEntry* entry) {
    Result<UniqueFd> fd = opener_.Open(entry->path);
    if (!fd.ok()) {
      if (fd.code() != Code::kNotFound) return ExplainUnopened(std::move(fd).status());
      entry->nlink = 0;  // gone; taken out at the end
      return {};
    }
    SLIPWAY_ASSIGN_OR_RETURN(entry->xattrs, ReadXattrs(fd->get(), entry->path));
    bool done = false;
    if (entry->stamp.size <= kSmallFile) {
      SLIPWAY_ASSIGN_OR_RETURN(done, ReadAtOnce(fd->get(), entry));
    }
    if (!done) SLIPWAY_RETURN_IF_ERROR(ReadInPieces(fd->get(), entry));
    ++progress_.files;
    return {};
  }

 private:
  // One call reads the file and finds its end. False if it is not as long as it was.
  Result<bool> ReadAtOnce(int fd, ContextEntry* entry) {
    if (buffer_ == nullptr) buffer_ = std::make_unique_for_overwrite<char[]>(kPiece);
    const size_t size = entry->stamp.size;
    const ssize_t got = ::read(fd, buffer_.get(), size + 1);
    if (got < 0 || static_cast<size_t>(got) != size) return false;
    const std::string_view bytes(buffer_.get(), size);
    entry->digest = Digest::Of(bytes);
    progress_.bytes += size;
    if (keep_left_.fetch_sub(static_cast<int64_t>(size)) >= static_cast<int64_t>(size)) {
      entry->content = bytes;
      entry->has_content = true;
    }
    return true;
  }

  Status ReadInPieces(int fd, ContextEntry* entry) {
    if (buffer_ == nullptr) buffer_ = std::make_unique_for_overwrite<char[]>(kPiece);
    for (int i = 0; i < kTries; ++i) {
      SLIPWAY_ASSIGN_OR_RETURN(const FileStamp before, StampOf(fd, entry->path));
      Hasher hasher;
      uint64_t total = 0;
      while (total <= before.size) {
        SLIPWAY_RETURN_IF_ERROR(ctx_.Err());
        auto got = fs::ReadFullAt(fd, std::span(buffer_.get(), kPiece), static_cast<int64_t>(total));
        if (!got.ok()) return std::move(got).status().With(fmt::format("read '{}' of the context", entry->path));
        hasher.Update(std::string_view(buffer_.get(), *got));
        total += *got;
        progress_.bytes += *got;
        if (*got < kPiece) break;
      }
      SLIPWAY_ASSIGN_OR_RETURN(const FileStamp after, StampOf(fd, entry->path));
      if (total != before.size || !(after == before)) continue;
      entry->stamp = after;
      entry->digest = hasher.Finish();
      return {};
    }
    return FileChanged(entry->path);
  }

  const Context& ctx_;
  FileOpener opener_;
  std::atomic<int64_t>& keep_left_;
  ReadProgress& progress_;
  std::unique_ptr<char[]> buffer_;
};

}  // namespace

Result<UniqueFd> FileOpener::Open(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string_view folder = slash == std::string::npos ? "" : std::string_view(path).substr(0, slash);
  if (!open_ || folder_ != folder) {
    open_ = false;
    folder_ = folder;
    SLIPWAY_ASSIGN_OR_RETURN(folder_fd_, fs::OpenBeneath(root_fd_, folder_, O_PATH | O_DIRECTORY | O_NOFOLLOW));
    open_ = true;
  }
  const char* name = path.c_str() + (slash == std::string::npos ? 0 : slash + 1);
  const int fd = ::openat(folder_fd_.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, fmt::format("open '{}'", path));
  return UniqueFd(fd);
}

Status ReadContents(const Context& ctx, ThreadPool& pool, int root_fd, std::vector<ContextEntry>* entries,
                    ReadProgress* progress) {
  std::atomic<int64_t> keep_left = kKeptBytes;
  std::atomic<bool> failed = false;
  TaskGroup group(pool);
  std::vector<ContextEntry*> batch;
  uint64_t batch_bytes = 0;
  const auto start_batch = [&] {
    group.Run([&, files = std::move(batch)]() -> Status {
      Worker worker(ctx, root_fd, &keep_left, progress);
      for (ContextEntry* entry : files) {
        if (failed) return {};
        Status status = ctx.Err();
        if (status.ok()) status = worker.Read(entry);
        if (!status.ok()) {
          failed = true;
          return status;
        }
      }
      return {};
    });
    batch.clear();
    batch_bytes = 0;
  };
  for (ContextEntry& entry : *entries) {
    if (entry.kind != EntryKind::kFile || !entry.digest.empty()) continue;
    batch.push_back(&entry);
    batch_bytes += entry.stamp.size;
    if (batch.size() >= kTaskFiles || batch_bytes >= kTaskBytes) start_batch();
  }
  if (!batch.empty()) start_batch();
  SLIPWAY_RETURN_IF_ERROR(group.Wait());
  std::erase_if(*entries, [](const ContextEntry& entry) { return entry.nlink == 0; });
  return {};
}

Result<bool> IsUnchanged(int fd, const ContextEntry& entry) {
  SLIPWAY_ASSIGN_OR_RETURN(const FileStamp now, StampOf(fd, entry.path));
  return now == entry.stamp;
}

Result<UniqueFd> OpenUnchanged(FileOpener& opener, const ContextEntry& entry) {
  Result<UniqueFd> fd = opener.Open(entry.path);
  if (fd.code() == Code::kNotFound) return FileChanged(entry.path);
  if (!fd.ok()) return ExplainUnopened(std::move(fd).status());
  SLIPWAY_ASSIGN_OR_RETURN(const bool same, IsUnchanged(fd->get(), entry));
  if (!same) return FileChanged(entry.path);
  return fd;
}

Status FileChanged(const std::string& path) {
  return Aborted("file '{}' of the context changed while it was read; run the command again once it is complete", path);
}

Status ExplainUnopened(Status status) { return ExplainUnreadable(std::move(status).With("read the context")); }

}  // namespace slipway::cli
