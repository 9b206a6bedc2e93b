#include "daemon/logs/tail_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executor/base/fs.h"

namespace slipway::logs {

namespace {
constexpr size_t kGatherBytes = 64 << 10;
}

Result<std::shared_ptr<const UniqueFd>> TailFile::Descriptor(bool create) {
  if (fd_ != nullptr) return fd_;
  const int flags = O_RDWR | O_APPEND | (create ? O_CREAT : 0);
  Result<UniqueFd> fd = fs::Open(path_, flags, 0600);
  if (fd.ok()) {
    fd_ = std::make_shared<const UniqueFd>(std::move(*fd));
  } else if (create || fd.code() != Code::kNotFound) {
    return std::move(fd).status();
  }
  return fd_;
}

Status TailFile::Truncate(uint64_t size) {
  const std::lock_guard lock(mutex_);
  SLIPWAY_ASSIGN_OR_RETURN(const auto fd, Descriptor(true));
  if (::ftruncate(fd->get(), static_cast<off_t>(size)) != 0) return ErrnoStatus(errno, fmt::format("cut '{}'", path_));
  return Status();
}

bool TailFile::dirty() const {
  const std::lock_guard lock(mutex_);
  return !pending_.empty();
}

Status TailFile::Append(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  if (failed_) return Status();
  pending_.append(bytes);
  return pending_.size() >= kGatherBytes ? FlushLocked() : Status();
}

Status TailFile::Flush() {
  const std::lock_guard lock(mutex_);
  return FlushLocked();
}

// The lock is held over the write: it orders the pieces, and nobody but this file's writer and readers wait for it.
Status TailFile::FlushLocked() {
  if (pending_.empty()) return Status();
  Result<std::shared_ptr<const UniqueFd>> fd = Descriptor(true);
  const Status status = fd.ok() ? fs::WriteAll((*fd)->get(), pending_).With(fmt::format("append to '{}'", path_))
                                : std::move(fd).status();
  failed_ = !status.ok();
  pending_.clear();
  if (pending_.capacity() > 4 * kGatherBytes) pending_.shrink_to_fit();
  return status;
}

Result<uint64_t> TailFile::Size() {
  const std::lock_guard lock(mutex_);
  SLIPWAY_ASSIGN_OR_RETURN(const auto fd, Descriptor(false));
  if (fd == nullptr) return uint64_t{0};
  struct stat st {};
  if (::fstat(fd->get(), &st) != 0) return ErrnoStatus(errno, fmt::format("stat '{}'", path_));
  return static_cast<uint64_t>(st.st_size);
}

Result<size_t> TailFile::ReadAt(std::span<char> buffer, uint64_t offset) {
  std::shared_ptr<const UniqueFd> fd;
  {
    const std::lock_guard lock(mutex_);
    SLIPWAY_ASSIGN_OR_RETURN(fd, Descriptor(false));
  }
  if (fd == nullptr) return size_t{0};
  return fs::ReadFullAt(fd->get(), buffer, static_cast<int64_t>(offset)).With(path_);
}

}  // namespace slipway::logs
