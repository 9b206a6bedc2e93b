#include "executor/snapshot/overlay_mount.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "executor/base/fs.h"

namespace slipway::snapshot {

namespace {

constexpr std::array<std::pair<const char*, const char*>, 4> kOptions = {{
    {"index", "off"},
    {"metacopy", "off"},
    {"redirect_dir", "nofollow"},
    {"xino", "auto"},
}};
/// fsconfig's bound on a value, less the closing NUL.
constexpr size_t kLongestValue = 255;

/// Gives folders names that need no escapes and are short where that matters. Its descriptors must be open when the
/// mount is made.
class FolderNames {
 public:
  explicit FolderNames(size_t longest) : longest_(longest) {}

  Result<std::string> Name(const std::string& path) {
    const bool plain = path.find_first_of(":,\\\"\n\t ") == std::string::npos;
    if (plain && path.size() <= longest_) return path;
    SLIPWAY_ASSIGN_OR_RETURN(UniqueFd fd, fs::Open(path, O_PATH | O_DIRECTORY));
    std::string name = fmt::format("/proc/self/fd/{}", fd.get());
    fds_.push_back(std::move(fd));
    return name;
  }

 private:
  size_t longest_;
  std::vector<UniqueFd> fds_;
};

/// What the kernel says about a failed configuration, in its own words.
std::string KernelWords(int fs) {
  std::string words;
  std::array<char, 1024> line{};
  while (true) {
    const ssize_t size = ::read(fs, line.data(), line.size());
    if (size <= 0) return words;
    std::string_view text(line.data(), static_cast<size_t>(size));
    // Each line begins with its kind: "e overlay: …".
    if (text.size() > 2 && text[1] == ' ') text.remove_prefix(2);
    while (text.ends_with('\n')) text.remove_suffix(1);
    words += words.empty() ? "" : "; ";
    words += text;
  }
}

class LayersMount {
 public:
  explicit LayersMount(const OverlaySpec& spec) : spec_(spec) {}

  Result<ScopedMount> Run() {
    fs_.Reset(::fsopen("overlay", FSOPEN_CLOEXEC));
    if (!fs_.valid()) return Missing("open the overlay file system");
    SLIPWAY_RETURN_IF_ERROR(Set("source", "overlay"));
    for (const auto& [key, value] : kOptions) SLIPWAY_RETURN_IF_ERROR(Set(key, value));
    for (const std::string& lower : spec_.lowers) SLIPWAY_RETURN_IF_ERROR(SetFolder("lowerdir+", lower));
    if (!spec_.upper.empty()) {
      SLIPWAY_RETURN_IF_ERROR(SetFolder("upperdir", spec_.upper));
      SLIPWAY_RETURN_IF_ERROR(SetFolder("workdir", spec_.work));
      // Nothing in a root outlives a crash unless it was committed, and Commit() syncs: what a program in it syncs (a
      // package manager each file) need not wait for the disk, nor the unmount. A kernel without it (before 5.10) waits.
      (void)::fsconfig(fs_.get(), FSCONFIG_SET_FLAG, "volatile", nullptr, 0);
    }
    if (::fsconfig(fs_.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return Refused("make an overlay");
    const unsigned attributes = spec_.upper.empty() ? MOUNT_ATTR_RDONLY : 0;
    const UniqueFd mount(::fsmount(fs_.get(), FSMOUNT_CLOEXEC, attributes));
    if (!mount.valid()) return Refused("make an overlay");
    if (::move_mount(mount.get(), "", AT_FDCWD, spec_.target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
      return ErrnoStatus(errno, fmt::format("mount an overlay on '{}'", spec_.target));
    }
    return ScopedMount(spec_.target);
  }

 private:
  Status Set(const char* key, const char* value) {
    if (::fsconfig(fs_.get(), FSCONFIG_SET_STRING, key, value, 0) == 0) return Status();
    // Kernels before 6.5 do not know "lowerdir+".
    return errno == EINVAL ? Missing(fmt::format("set the overlay's '{}'", key))
                           : Refused(fmt::format("set the overlay's '{}'", key));
  }

  Status SetFolder(const char* key, const std::string& path) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string name, names_.Name(path));
    Status status = Set(key, name.c_str());
    return std::move(status).With(fmt::format("'{}'", path));
  }

  Status Missing(std::string_view what) {
    const int error = errno;
    return Unimplemented("{}: {}", ErrnoStatus(error, what).message(),
                         fs_.valid() ? KernelWords(fs_.get()) : "no such interface");
  }
  Status Refused(std::string_view what) {
    const int error = errno;
    const std::string words = KernelWords(fs_.get());
    return FailedPrecondition("{} on '{}': {}", ErrnoStatus(error, what).message(), spec_.target, words);
  }

  const OverlaySpec& spec_;
  UniqueFd fs_;
  FolderNames names_{kLongestValue};
};

Result<std::string> OptionText(const OverlaySpec& spec, FolderNames& names) {
  std::string text;
  for (const auto& [key, value] : kOptions) text += fmt::format("{}={},", key, value);
  if (!spec.upper.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string upper, names.Name(spec.upper));
    SLIPWAY_ASSIGN_OR_RETURN(const std::string work, names.Name(spec.work));
    text += fmt::format("upperdir={},workdir={},", upper, work);
  }
  std::string_view separator = "lowerdir=";
  for (const std::string& lower : spec.lowers) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string name, names.Name(lower));
    text += separator;
    text += name;
    separator = ":";
  }
  return text;
}

Result<ScopedMount> MountByOptions(const OverlaySpec& spec) {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  FolderNames names(std::string::npos - 1);
  FolderNames short_names(0);
  SLIPWAY_ASSIGN_OR_RETURN(std::string options, OptionText(spec, names));
  if (options.size() >= page) {
    SLIPWAY_ASSIGN_OR_RETURN(options, OptionText(spec, short_names));
  }
  if (options.size() >= page) {
    return FailedPrecondition(
        "mount an overlay of {} folders: this kernel takes no more than {} bytes of options (newer ones from 6.5 on "
        "do)",
        spec.lowers.size(), page - 1);
  }
  const unsigned long flags = spec.upper.empty() ? MS_RDONLY : 0;
  if (::mount("overlay", spec.target.c_str(), "overlay", flags, options.c_str()) == 0) return ScopedMount(spec.target);
  const int error = errno;
  if (error == ENODEV) return Unimplemented("mount an overlay: the kernel has no overlay file system");
  return FailedPrecondition("{}", ErrnoStatus(error, fmt::format("mount an overlay on '{}'", spec.target)).message());
}

}  // namespace

Result<ScopedMount> MountOverlay(const OverlaySpec& spec, MountInterface interface) {
  return interface == MountInterface::kLayers ? LayersMount(spec).Run() : MountByOptions(spec);
}

}  // namespace slipway::snapshot
