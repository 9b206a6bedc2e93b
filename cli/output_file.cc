#include "cli/output_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "executor/base/fs.h"

namespace slipway::cli {

Result<OutputFile> OutputFile::Make(const std::string& dest) {
  OutputFile out;
  out.dest_ = dest;
  if (dest == "-") {
    if (::isatty(STDOUT_FILENO) == 1) {
      return FailedPrecondition("an archive is not for a terminal; redirect standard output or give dest=FILE");
    }
    out.fd_ = STDOUT_FILENO;
    return out;
  }
  struct stat st {};
  const bool there = ::stat(dest.c_str(), &st) == 0;
  if (there && S_ISDIR(st.st_mode)) {
    return FailedPrecondition("'{}' is a folder; an archive needs the name of a file (or add tar=false)", dest);
  }
  if (there && !S_ISREG(st.st_mode)) {
    SLIPWAY_ASSIGN_OR_RETURN(out.owned_, fs::Open(dest, O_WRONLY));
    out.fd_ = out.owned_.get();
    return out;
  }
  std::string name = fs::Join(fs::DirName(dest), ".slipway-output-XXXXXX");
  const int fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, fmt::format("write '{}'", dest));
  out.owned_ = UniqueFd(fd);
  out.fd_ = fd;
  out.temp_ = name;
  const mode_t mask = ::umask(0);
  ::umask(mask);
  if (::fchmod(fd, there ? st.st_mode & 0777 : 0666 & ~mask) != 0) {
    return ErrnoStatus(errno, fmt::format("change the mode of '{}'", dest));
  }
  return out;
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : dest_(std::move(other.dest_)),
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
  SLIPWAY_RETURN_IF_ERROR(fs::Rename(temp_, dest_));
  temp_.clear();
  return {};
}

}  // namespace slipway::cli
