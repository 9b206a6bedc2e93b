#include "executor/content/ingest.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace slipway::content {

namespace {
constexpr size_t kHashedAtOnce = 1U << 20;
}  // namespace

Status WrongContent(const Digest& is, const Digest& expected) {
  return DataLoss("content is '{}' and should be '{}'", is.ToString(), expected.ToString());
}

Status DiskIngest::Write(std::string_view bytes) {
  SLIPWAY_RETURN_IF_ERROR(failure_);
  if (!digest_.empty()) return failure_ = Internal("content is written after it was verified");
  if (options_.max_size >= 0 && file_.size() + bytes.size() > static_cast<uint64_t>(options_.max_size)) {
    failure_ = ResourceExhausted("content is larger than {} bytes", options_.max_size);
    return failure_;
  }
  // Hashing and copying to the kernel take about as long; of short writes the threads' meeting would take longer.
  constexpr size_t kLong = 128U << 10;
  if (bytes.size() < kLong) {
    hasher_.Update(bytes);
    failure_ = file_.Write(bytes);
    return failure_;
  }
  if (hashing_ == nullptr) hashing_ = std::make_unique<SideThread>();
  hashing_->Begin([this, bytes] { hasher_.Update(bytes); });
  failure_ = file_.Write(bytes);
  hashing_->Wait();
  return failure_;
}

Result<bool> DiskIngest::Share(int fd, uint64_t size, const std::function<Status()>& between) {
  SLIPWAY_RETURN_IF_ERROR(failure_);
  if (file_.size() > 0) return false;
  const Result<bool> shared = file_.Share(fd, size);
  SLIPWAY_RETURN_IF_ERROR(failure_ = shared.status());
  if (!*shared) return false;
  std::string buffer(kHashedAtOnce, '\0');
  for (uint64_t at = 0; at < file_.size();) {
    SLIPWAY_RETURN_IF_ERROR(failure_ = between());
    auto got = fs::ReadFullAt(file_.fd(), buffer, static_cast<int64_t>(at));
    SLIPWAY_RETURN_IF_ERROR(failure_ = got.status());
    if (*got == 0) return failure_ = Internal("a staged file has become shorter");
    hasher_.Update(std::string_view(buffer).substr(0, *got));
    at += *got;
  }
  return true;
}

Result<Blob> DiskIngest::Written() {
  SLIPWAY_RETURN_IF_ERROR(failure_);
  SLIPWAY_RETURN_IF_ERROR(failure_ = file_.Flush());
  if (reading_ == nullptr) {
    UniqueFd fd(::fcntl(file_.fd(), F_DUPFD_CLOEXEC, 0));
    if (!fd.valid()) return ErrnoStatus(errno, "open again what is being written");
    reading_ = std::make_shared<const UniqueFd>(std::move(fd));
  }
  return Blob(reading_, 0, size());
}

Status DiskIngest::Verify() {
  SLIPWAY_RETURN_IF_ERROR(failure_);
  if (digest_.empty()) digest_ = hasher_.Finish();
  if (!options_.expected.empty() && digest_ != options_.expected) failure_ = WrongContent(digest_, options_.expected);
  return failure_;
}

Result<Digest> DiskIngest::Seal() {
  SLIPWAY_RETURN_IF_ERROR(Verify());
  failure_ = Internal("content is committed twice");
  return digest_;
}

Result<Digest> DiskIngest::Commit(Lease* lease) {
  SLIPWAY_ASSIGN_OR_RETURN(const Digest digest, Seal());
  // The empty content needs no file, and what is there already need not reach the disk again.
  if (size() == 0 || store_.catalog().LeaseIfPresent(digest, DiskStore::LeaseId(lease))) return digest;
  if (options_.durable == Durable::kSoon) {
    SLIPWAY_RETURN_IF_ERROR(store_.PublishUnsynced(file_, digest, size(), DiskStore::LeaseId(lease)));
    return digest;
  }
  SLIPWAY_RETURN_IF_ERROR(file_.Sync());
  SLIPWAY_RETURN_IF_ERROR(store_.Publish(file_, digest, size(), DiskStore::LeaseId(lease)));
  return digest;
}

Result<std::unique_ptr<Ingest>> DiskStore::Begin(const IngestOptions& options) {
  SLIPWAY_ASSIGN_OR_RETURN(StagedFile file, StagedFile::Create(layout_.Ingest(NextNumber())));
  if (options.durable == Durable::kSoon) file.WriteLate();
  return std::make_unique<DiskIngest>(*this, options, std::move(file));
}

Result<std::unique_ptr<BatchIngest>> DiskStore::BeginBatch(Durable durable) {
  return std::make_unique<DiskBatch>(*this, durable);
}

namespace {

Result<uint64_t> RegularSize(int fd) {
  struct stat st {};
  if (::fstat(fd, &st) != 0) return ErrnoStatus(errno, "stat");
  if (!S_ISREG(st.st_mode)) return InvalidArgument("it is not a regular file");
  return static_cast<uint64_t>(st.st_size);
}

// What is left of `from` behind `offset`, by way of our memory.
Status CopyRest(int from, int64_t offset, StagedFile& to) {
  std::string buffer(256U << 10, '\0');
  while (true) {
    SLIPWAY_ASSIGN_OR_RETURN(const size_t got, fs::ReadFullAt(from, buffer, offset));
    if (got == 0) return Status();
    SLIPWAY_RETURN_IF_ERROR(to.Write(std::string_view(buffer).substr(0, got)));
    offset += static_cast<int64_t>(got);
  }
}

Result<StagedFile> CopyOf(int fd, const std::string& staged) {
  SLIPWAY_ASSIGN_OR_RETURN(StagedFile copy, StagedFile::Create(staged));
  constexpr size_t kMost = 1U << 30;
  off64_t offset = 0;
  while (::copy_file_range(fd, &offset, copy.fd(), nullptr, kMost, 0) > 0) {
  }
  SLIPWAY_RETURN_IF_ERROR(CopyRest(fd, offset, copy));
  SLIPWAY_RETURN_IF_ERROR(copy.Sync());
  return copy;
}

// A second name for the file open as `fd`, or a copy of it where that cannot be: another file system, not ours, too
// many names. By the descriptor, since whoever has a say in what the path is could let it lead elsewhere.
Result<StagedFile> LinkOrCopy(int fd, const std::string& staged) {
  UniqueFd own(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!own.valid()) return ErrnoStatus(errno, "keep it open");
  const std::string itself = fmt::format("/proc/self/fd/{}", fd);
  if (::linkat(AT_FDCWD, itself.c_str(), AT_FDCWD, staged.c_str(), AT_SYMLINK_FOLLOW) != 0) return CopyOf(fd, staged);
  return StagedFile::Adopt(staged, std::move(own));
}

}  // namespace

Result<std::pair<Digest, uint64_t>> HashFile(int fd) {
  Hasher hasher;
  std::string buffer(256U << 10, '\0');
  uint64_t size = 0;
  while (true) {
    SLIPWAY_ASSIGN_OR_RETURN(const size_t got, fs::ReadFullAt(fd, buffer, static_cast<int64_t>(size)));
    if (got == 0) return std::pair{hasher.Finish(), size};
    hasher.Update(std::string_view(buffer).substr(0, got));
    size += got;
  }
}

Result<Digest> DiskStore::PutOpenFile(int fd, uint64_t size, Lease* lease) {
  SLIPWAY_ASSIGN_OR_RETURN(const uint64_t is, RegularSize(fd));
  if (is != size) return DataLoss("it has {} bytes and should have {}", is, size);
  SLIPWAY_ASSIGN_OR_RETURN(StagedFile staged, LinkOrCopy(fd, layout_.Ingest(NextNumber())));
  SLIPWAY_ASSIGN_OR_RETURN(const auto hashed, HashFile(staged.fd()));
  const auto& [digest, hashed_size] = hashed;
  if (hashed_size == 0 || catalog_.LeaseIfPresent(digest, IdOf(lease))) return digest;
  SLIPWAY_RETURN_IF_ERROR(staged.Sync());
  SLIPWAY_RETURN_IF_ERROR(Publish(staged, digest, hashed_size, IdOf(lease)));
  return digest;
}

Result<Digest> DiskStore::PutFile(const std::string& path, Lease* lease) {
  const auto take_in = [&]() -> Result<Digest> {
    // Neither a link nor a pipe may hold us up.
    SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd fd, fs::Open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    SLIPWAY_ASSIGN_OR_RETURN(const uint64_t size, RegularSize(fd.get()));
    return PutOpenFile(fd.get(), size, lease);
  };
  auto digest = take_in();
  if (!digest.ok()) return std::move(digest).status().With(fmt::format("take in '{}'", path));
  return digest;
}

}  // namespace slipway::content
