#include "daemon/logs/tail_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

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
  return CutTo(fd->get(), size);
}

Status TailFile::CutTo(int fd, uint64_t size) {
  if (::ftruncate(fd, static_cast<off_t>(size)) != 0) return ErrnoStatus(errno, fmt::format("cut '{}'", path_));
  whole_ = size;
  return Status();
}

bool TailFile::dirty() const {
  const std::lock_guard lock(mutex_);
  return !pending_.empty() || !untold_.ok();
}

void TailFile::Append(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  pending_.append(bytes);
  if (pending_.size() >= kGatherBytes) WritePending();
}

Status TailFile::Flush() {
  const std::lock_guard lock(mutex_);
  WritePending();
  return std::exchange(untold_, Status());
}

uint64_t TailFile::TakeLost() {
  const std::lock_guard lock(mutex_);
  return std::exchange(lost_, 0);
}

// The lock is held over the write: it orders the pieces, and nobody but this file's writer and readers wait for it.
void TailFile::WritePending() {
  if (pending_.empty()) return;
  Status status = AppendToFile(pending_).With(fmt::format("append to '{}'", path_));
  const bool failed = !status.ok();
  if (failed) lost_ += pending_.size();
  if (failed && !failing_) untold_ = std::move(status);
  failing_ = failed;
  pending_.clear();
  if (pending_.capacity() > 4 * kGatherBytes) pending_.shrink_to_fit();
}

Status TailFile::AppendToFile(std::string_view bytes) {
  SLIPWAY_ASSIGN_OR_RETURN(const auto fd, Descriptor(true));
  if (!whole_) {
    SLIPWAY_ASSIGN_OR_RETURN(whole_, SizeOf(fd->get()));
  } else if (failing_) {
    SLIPWAY_RETURN_IF_ERROR(CutTo(fd->get(), *whole_));
  }
  Status status = fs::WriteAll(fd->get(), bytes);
  if (status.ok()) {
    *whole_ += bytes.size();
  } else {  // what follows must not begin within a line or a record; where this fails, too, it is done before the next
    CutTo(fd->get(), *whole_).Ignore();
  }
  return status;
}

Result<uint64_t> TailFile::SizeOf(int fd) const {
  struct stat st {};
  if (::fstat(fd, &st) != 0) return ErrnoStatus(errno, fmt::format("stat '{}'", path_));
  return static_cast<uint64_t>(st.st_size);
}

Result<uint64_t> TailFile::Size() {
  const std::lock_guard lock(mutex_);
  if (whole_) return *whole_;
  SLIPWAY_ASSIGN_OR_RETURN(const auto fd, Descriptor(false));
  return fd == nullptr ? Result<uint64_t>(uint64_t{0}) : SizeOf(fd->get());
}

Result<size_t> TailFile::ReadAt(std::span<char> buffer, uint64_t offset) {
  std::shared_ptr<const UniqueFd> fd;
  {
    const std::lock_guard lock(mutex_);
    SLIPWAY_ASSIGN_OR_RETURN(fd, Descriptor(false));
    // Behind that may stand what is about to be cut off.
    if (whole_) buffer = buffer.first(std::min<uint64_t>(buffer.size(), *whole_ - std::min(offset, *whole_)));
  }
  if (fd == nullptr || buffer.empty()) return size_t{0};
  return fs::ReadFullAt(fd->get(), buffer, static_cast<int64_t>(offset)).With(path_);
}

}  // namespace slipway::logs
