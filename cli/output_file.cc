#include "cli/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "executor/base/fs.h"

namespace slipway::cli {

namespace {

// Where the bytes go.
struct Place {
  enum class Kind { kStandardOutput, kSpecial, kFile };
  Kind kind = Kind::kFile;
  std::string path;            // of a file: behind all links, so that it is replaced and they stay
  std::optional<mode_t> mode;  // of the file that is replaced
};

// "/dev/stdout" and its kin by other names, too: what is open already must not be replaced, nor begun anew.
bool IsStandardOutput(const struct stat& there) {
  struct stat out {};
  return ::fstat(STDOUT_FILENO, &out) == 0 && out.st_dev == there.st_dev && out.st_ino == there.st_ino;
}

Result<Place> StandardOutputPlace() {
  if (::isatty(STDOUT_FILENO) == 1) {
    return FailedPrecondition("an archive is not for a terminal; redirect standard output or give dest=FILE");
  }
  return Place{.kind = Place::Kind::kStandardOutput, .path = "-", .mode = {}};
}

// What a link that leads nowhere yet is a link to; any other path as it is.
std::string BehindDanglingLinks(std::string path) {
  constexpr int kMostLinks = 40;  // of the kernel
  for (int i = 0; i < kMostLinks; ++i) {
    std::error_code error;
    const std::filesystem::path next = std::filesystem::read_symlink(path, error);
    if (error) break;
    path = (std::filesystem::path(path).parent_path() / next).string();
  }
  return path;
}

Result<Place> FindPlace(const std::string& dest) {
  if (dest == "-") return StandardOutputPlace();
  struct stat st {};
  if (::stat(dest.c_str(), &st) != 0) {
    if (errno != ENOENT) return ErrnoStatus(errno, fmt::format("write '{}'", dest));
    return Place{.kind = Place::Kind::kFile, .path = BehindDanglingLinks(dest), .mode = {}};
  }
  if (S_ISDIR(st.st_mode)) {
    return FailedPrecondition("'{}' is a folder; an archive needs the name of a file (or add tar=false)", dest);
  }
  if (IsStandardOutput(st)) return StandardOutputPlace();
  if (!S_ISREG(st.st_mode)) return Place{.kind = Place::Kind::kSpecial, .path = dest, .mode = {}};
  const std::unique_ptr<char, decltype(&::free)> real(::realpath(dest.c_str(), nullptr), &::free);
  if (real == nullptr) return ErrnoStatus(errno, fmt::format("find the file behind '{}'", dest));
  return Place{.kind = Place::Kind::kFile, .path = real.get(), .mode = st.st_mode & 0777};
}

mode_t ModeOfNewFiles() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666 & ~mask;
}

}  // namespace

Result<OutputFile> OutputFile::Make(const std::string& dest) {
  SLIPWAY_ASSIGN_OR_RETURN(Place place, FindPlace(dest));
  OutputFile out;
  out.dest_ = dest;
  if (place.kind == Place::Kind::kStandardOutput) {
    out.fd_ = STDOUT_FILENO;
    return out;
  }
  if (place.kind == Place::Kind::kSpecial) {
    SLIPWAY_ASSIGN_OR_RETURN(out.owned_, fs::Open(place.path, O_WRONLY | O_NOCTTY));
    out.fd_ = out.owned_.get();
    return out;
  }
  std::string name = fs::Join(fs::DirName(place.path), ".slipway-output-XXXXXX");
  const int fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, fmt::format("write '{}'", dest));
  out.owned_ = UniqueFd(fd);
  out.fd_ = fd;
  out.path_ = std::move(place.path);
  out.temp_ = name;
  if (::fchmod(fd, place.mode ? *place.mode : ModeOfNewFiles()) != 0) {
    return ErrnoStatus(errno, fmt::format("change the mode of '{}'", dest));
  }
  return out;
}

Status OutputFile::Check(const std::string& dest) {
  SLIPWAY_ASSIGN_OR_RETURN(const Place place, FindPlace(dest));
  if (place.kind != Place::Kind::kSpecial) return Make(dest).status();  // made and thrown away
  if (::faccessat(AT_FDCWD, place.path.c_str(), W_OK, AT_EACCESS) != 0) {
    return ErrnoStatus(errno, fmt::format("write '{}'", dest));
  }
  return {};
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : dest_(std::move(other.dest_)),
      path_(std::move(other.path_)),
      temp_(std::exchange(other.temp_, {})),
      owned_(std::move(other.owned_)),
      fd_(std::exchange(other.fd_, -1)),
      bytes_(other.bytes_) {}

OutputFile::~OutputFile() {
  if (!temp_.empty()) ::unlink(temp_.c_str());
}

Status OutputFile::Write(std::string_view bytes) {
  SLIPWAY_RETURN_IF_ERROR(fs::WriteAll(fd_, bytes).With(fmt::format("write '{}'", dest_)));
  bytes_ += bytes.size();
  return {};
}

Status OutputFile::Commit() {
  if (temp_.empty()) return {};
  if (::fsync(fd_) != 0) return ErrnoStatus(errno, fmt::format("write '{}' to the disk", dest_));
  SLIPWAY_RETURN_IF_ERROR(fs::Rename(temp_, path_));
  temp_.clear();
  return {};
}

}  // namespace slipway::cli
