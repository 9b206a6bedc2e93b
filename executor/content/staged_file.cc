#include "executor/content/staged_file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "executor/base/fs.h"

namespace slipway::content {

namespace {
constexpr size_t kBufferBytes = 256U << 10;
constexpr uint64_t kWriteBackStep = 8U << 20;
}  // namespace

StagedFile::StagedFile(StagedFile&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      fd_(std::move(other.fd_)),
      buffer_(std::exchange(other.buffer_, {})),
      size_(std::exchange(other.size_, 0)),
      late_(other.late_),
      started_(std::exchange(other.started_, 0)) {}

StagedFile& StagedFile::operator=(StagedFile&& other) noexcept {
  if (this != &other) {
    StagedFile old(std::move(*this));
    path_ = std::exchange(other.path_, {});
    fd_ = std::move(other.fd_);
    buffer_ = std::exchange(other.buffer_, {});
    size_ = std::exchange(other.size_, 0);
    late_ = other.late_;
    started_ = std::exchange(other.started_, 0);
  }
  return *this;
}

StagedFile::~StagedFile() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

Result<StagedFile> StagedFile::Create(std::string path) {
  SLIPWAY_ASSIGN_OR_RETURN(UniqueFd fd, fs::Open(path, O_RDWR | O_CREAT | O_EXCL, 0600));
  return Adopt(std::move(path), std::move(fd));
}

StagedFile StagedFile::Adopt(std::string path, UniqueFd fd) {
  StagedFile file;
  file.path_ = std::move(path);
  file.fd_ = std::move(fd);
  return file;
}

Status StagedFile::Write(std::string_view bytes) {
  size_ += bytes.size();
  const bool through = bytes.size() >= kBufferBytes / 2;
  if (through || buffer_.size() + bytes.size() > kBufferBytes) SLIPWAY_RETURN_IF_ERROR(Flush());
  if (through) return WriteThrough(bytes);
  if (buffer_.capacity() < kBufferBytes && bytes.size() + buffer_.size() > kBufferBytes / 8)
    buffer_.reserve(kBufferBytes);
  buffer_.append(bytes);
  return Status();
}

Result<bool> StagedFile::Share(int fd, uint64_t size) {
  struct stat st {};
  const bool shared = ::ioctl(fd_.get(), FICLONE, fd) == 0;
  if (::fstat(fd_.get(), &st) != 0) return ErrnoStatus(errno, fmt::format("stat '{}'", path_));
  if (shared && static_cast<uint64_t>(st.st_size) == size) {
    size_ = size;
    return true;
  }
  // The file may have changed meanwhile, and on a full disk a part of it is shared.
  if (st.st_size != 0 && ::ftruncate(fd_.get(), 0) != 0) return ErrnoStatus(errno, fmt::format("empty '{}'", path_));
  return false;
}

Status StagedFile::Flush() {
  SLIPWAY_RETURN_IF_ERROR(WriteThrough(buffer_));
  buffer_.clear();
  return Status();
}

Status StagedFile::EndWriting() {
  SLIPWAY_RETURN_IF_ERROR(Flush());
  std::string().swap(buffer_);
  return Status();
}

Status StagedFile::WriteThrough(std::string_view bytes) {
  SLIPWAY_RETURN_IF_ERROR(fs::WriteAll(fd_.get(), bytes).With(fmt::format("'{}'", path_)));
  if (!late_ && size_ - started_ >= kWriteBackStep) {
    // Only a hint: what it cannot do, the sync does.
    ::sync_file_range(fd_.get(), static_cast<off64_t>(started_), 0, SYNC_FILE_RANGE_WRITE);
    started_ = size_;
  }
  return Status();
}

Status StagedFile::Sync() {
  SLIPWAY_RETURN_IF_ERROR(Flush());
  if (::fdatasync(fd_.get()) == 0) return Status();
  return ErrnoStatus(errno, fmt::format("sync '{}'", path_));
}

Status StagedFile::MoveTo(const std::string& path) {
  SLIPWAY_RETURN_IF_ERROR(fs::Rename(path_, path));
  // Renaming one hard link of a file to another does nothing and succeeds, so the old name may still be there.
  ::unlink(path_.c_str());
  path_.clear();
  return Status();
}

}  // namespace slipway::content
