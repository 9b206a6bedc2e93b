#include "executor/snapshot/mounts.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "executor/base/fs.h"
#include "executor/base/log.h"
#include "executor/base/unique_fd.h"
#include "executor/snapshot/snapshotter.h"

namespace slipway::snapshot {

namespace {

int FsOpen(const char* type) { return static_cast<int>(::syscall(SYS_fsopen, type, FSOPEN_CLOEXEC)); }

int FsConfig(int fd, unsigned command, const char* key, const char* value) {
  return static_cast<int>(::syscall(SYS_fsconfig, fd, command, key, value, 0));
}

// What the kernel wrote about the last failure; "" if nothing.
std::string Complaint(int fd) {
  std::string text(1024, '\0');
  const ssize_t n = ::read(fd, text.data(), text.size());
  if (n <= 0) return "";
  text.resize(static_cast<size_t>(n));
  while (text.ends_with('\n')) text.pop_back();
  return " (" + text + ")";
}

// Short names for folders, so that many lowers fit into the page that a mount option may have.
struct OpenFolders {
  std::vector<UniqueFd> fds;
  std::vector<std::string> names;
};

Result<OpenFolders> OpenAll(const std::vector<std::string>& folders) {
  OpenFolders out;
  for (const std::string& folder : folders) {
    SLIPWAY_ASSIGN_OR_RETURN(UniqueFd fd, fs::Open(folder, O_PATH | O_DIRECTORY));
    out.names.push_back(fmt::format("/proc/self/fd/{}", fd.get()));
    out.fds.push_back(std::move(fd));
  }
  return out;
}

// The mount API of Linux 5.2, with one option a lower where the kernel knows that (6.7).
Status MountByFsopen(const std::vector<std::string>& lowers, const std::string& upper, const std::string& work,
                     const std::string& target, bool one_by_one) {
  const UniqueFd context(FsOpen("overlay"));
  if (!context.valid()) return ErrnoStatus(errno, "fsopen overlay");
  const auto set = [&](const char* key, const std::string& value) -> Status {
    if (FsConfig(context.get(), FSCONFIG_SET_STRING, key, value.c_str()) == 0) return Status();
    return ErrnoStatus(errno, fmt::format("overlay option {}{}", key, Complaint(context.get())));
  };
  if (one_by_one) {
    for (const std::string& lower : lowers) SLIPWAY_RETURN_IF_ERROR(set("lowerdir+", lower));
  } else {
    SLIPWAY_RETURN_IF_ERROR(set("lowerdir", fmt::format("{}", fmt::join(lowers, ":"))));
  }
  if (!upper.empty()) {
    SLIPWAY_RETURN_IF_ERROR(set("upperdir", upper));
    SLIPWAY_RETURN_IF_ERROR(set("workdir", work));
    // Changes must be plain files and folders: they become a layer.
    SLIPWAY_RETURN_IF_ERROR(set("redirect_dir", "off"));
    SLIPWAY_RETURN_IF_ERROR(set("index", "off"));
    SLIPWAY_RETURN_IF_ERROR(set("metacopy", "off"));
  }
  if (FsConfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr) != 0) {
    return ErrnoStatus(errno, fmt::format("mount an overlay{}", Complaint(context.get())));
  }
  const UniqueFd mount(static_cast<int>(::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, 0)));
  if (!mount.valid()) return ErrnoStatus(errno, "mount an overlay");
  if (::syscall(SYS_move_mount, mount.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return ErrnoStatus(errno, fmt::format("mount an overlay on '{}'", target));
  }
  return Status();
}

// mountinfo writes blanks and backslashes in octal.
std::string Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0')));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

}  // namespace

ScopedMount::ScopedMount(ScopedMount&& other) noexcept : path_(std::exchange(other.path_, {})) {}

ScopedMount& ScopedMount::operator=(ScopedMount&& other) noexcept {
  if (this != &other) {
    ScopedMount old(std::move(*this));
    path_ = std::exchange(other.path_, {});
  }
  return *this;
}

ScopedMount::~ScopedMount() {
  if (Status status = Unmount(); !status.ok()) spdlog::warn("{}", status.message());
}

Status ScopedMount::Unmount() {
  if (path_.empty()) return Status();
  constexpr int kTries = 20;
  for (int i = 0; i < kTries; ++i) {
    if (::umount2(path_.c_str(), UMOUNT_NOFOLLOW) == 0 || errno == EINVAL || errno == ENOENT) {
      path_.clear();
      return Status();
    }
    if (errno != EBUSY) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  const int error = errno;
  if (::umount2(path_.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH) == 0) {
    path_.clear();
    return Status();
  }
  return ErrnoStatus(error, fmt::format("unmount '{}'", std::exchange(path_, {})));
}

Result<ScopedMount> MountOverlay(const std::vector<std::string>& lowers, const std::string& upper,
                                 const std::string& work, const std::string& target) {
  SLIPWAY_ASSIGN_OR_RETURN(const OpenFolders open, OpenAll(lowers));
  Status status = MountByFsopen(open.names, upper, work, target, /*one_by_one=*/false);
  if (!status.ok()) status = MountByFsopen(open.names, upper, work, target, /*one_by_one=*/true);
  if (!status.ok()) return std::move(status).With(fmt::format("overlay of {} folders", lowers.size()));
  return ScopedMount(target);
}

Result<std::vector<std::string>> MountsBelow(const std::string& path) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string table, fs::ReadFile("/proc/self/mountinfo", 64U << 20));
  std::vector<std::string> out;
  std::string_view rest = table;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    for (int field = 0; field < 4; ++field) line.remove_prefix(std::min(line.find(' ') + 1, line.size()));
    std::string at = Unescape(line.substr(0, line.find(' ')));
    if (at == path || (at.starts_with(path) && at[path.size()] == '/')) out.push_back(std::move(at));
  }
  return out;
}

Status UnmountBelow(const std::string& path) {
  // A few rounds: mounts may lie on top of each other.
  constexpr int kRounds = 10;
  for (int round = 0; round < kRounds; ++round) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> mounts, MountsBelow(path));
    if (mounts.empty()) return Status();
    for (auto it = mounts.rbegin(); it != mounts.rend(); ++it) {
      spdlog::info("unmount '{}', which an earlier process left", *it);
      if (::umount2(it->c_str(), UMOUNT_NOFOLLOW | MNT_DETACH) != 0 && errno != EINVAL && errno != ENOENT) {
        return ErrnoStatus(errno, fmt::format("unmount '{}'", *it));
      }
    }
  }
  return FailedPrecondition("something goes on mounting below '{}'", path);
}

}  // namespace slipway::snapshot
