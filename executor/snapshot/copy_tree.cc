#include "executor/snapshot/copy_tree.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <map>

#include "executor/base/fs.h"
#include "executor/snapshot/layer_folder.h"

namespace slipway::snapshot {

namespace {

Status CopyFailed(std::string_view what, const std::string& path) {
  return ErrnoStatus(errno, fmt::format("{} '{}'", what, path));
}

class LayerCopy {
 public:
  LayerCopy(const Context& ctx, std::string layer, std::string root)
      : ctx_(ctx), layer_(std::move(layer)), root_(std::move(root)) {}

  Status Run() {
    struct stat st {};
    if (::lstat(layer_.c_str(), &st) != 0) return CopyFailed("look at", layer_);
    SLIPWAY_RETURN_IF_ERROR(CopyChildren(""));
    return CopyAttributes("", st);
  }

 private:
  std::string From(const std::string& path) const { return layer_ + path; }
  std::string To(const std::string& path) const { return root_ + path; }

  // `path` begins with a slash, or is empty for the layer itself.
  Status CopyChildren(const std::string& path) {
    SLIPWAY_RETURN_IF_ERROR(ctx_.Err());
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> names, fs::ListDir(From(path)));
    for (const std::string& name : names) SLIPWAY_RETURN_IF_ERROR(CopyOne(path + "/" + name));
    return Status();
  }

  Status CopyOne(const std::string& path) {
    struct stat st {};
    if (::lstat(From(path).c_str(), &st) != 0) return CopyFailed("look at", From(path));
    if (IsWhiteout(st)) return fs::RemoveAll(To(path));
    if (S_ISDIR(st.st_mode)) return CopyFolder(path, st);
    SLIPWAY_RETURN_IF_ERROR(fs::RemoveAll(To(path)));
    if (S_ISREG(st.st_mode) && st.st_nlink > 1) {
      const auto [first, is_first] = first_names_.try_emplace({st.st_dev, st.st_ino}, path);
      if (!is_first) {
        return ::link(To(first->second).c_str(), To(path).c_str()) == 0 ? Status() : CopyFailed("link", To(path));
      }
    }
    SLIPWAY_RETURN_IF_ERROR(MakeCopy(path, st));
    return CopyAttributes(path, st);
  }

  Status CopyFolder(const std::string& path, const struct stat& st) {
    struct stat there {};
    const bool exists = ::lstat(To(path).c_str(), &there) == 0;
    if (exists && (!S_ISDIR(there.st_mode) || IsOpaque(From(path)))) SLIPWAY_RETURN_IF_ERROR(fs::RemoveAll(To(path)));
    if (::mkdir(To(path).c_str(), 0700) != 0 && errno != EEXIST) return CopyFailed("make folder", To(path));
    SLIPWAY_RETURN_IF_ERROR(CopyChildren(path));
    return CopyAttributes(path, st);
  }

  Status MakeCopy(const std::string& path, const struct stat& st) {
    if (S_ISREG(st.st_mode)) return CopyContent(path);
    if (S_ISLNK(st.st_mode)) {
      std::array<char, PATH_MAX + 1> target{};
      const ssize_t size = ::readlink(From(path).c_str(), target.data(), target.size() - 1);
      if (size < 0) return CopyFailed("read link", From(path));
      return ::symlink(target.data(), To(path).c_str()) == 0 ? Status() : CopyFailed("make link", To(path));
    }
    return ::mknod(To(path).c_str(), st.st_mode & (S_IFMT | 0777), st.st_rdev) == 0 ? Status()
                                                                                    : CopyFailed("make", To(path));
  }

  Status CopyContent(const std::string& path) {
    SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd from, fs::Open(From(path), O_RDONLY | O_NOFOLLOW));
    SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd to, fs::Open(To(path), O_WRONLY | O_CREAT | O_EXCL, 0600));
    if (::ioctl(to.get(), FICLONE, from.get()) == 0) return Status();
    while (true) {
      const ssize_t copied = ::copy_file_range(from.get(), nullptr, to.get(), nullptr, 1U << 30, 0);
      if (copied == 0) return Status();
      if (copied < 0 && errno != EINTR) return CopyByReading(from.get(), to.get(), path);
    }
  }

  // From wherever the kernel stopped: both descriptors stand there.
  Status CopyByReading(int from, int to, const std::string& path) {
    std::vector<char> buffer(256U << 10);
    while (true) {
      SLIPWAY_ASSIGN_OR_RETURN(const size_t got, fs::ReadFull(from, buffer).With(From(path)));
      if (got == 0) return Status();
      SLIPWAY_RETURN_IF_ERROR(fs::WriteAll(to, {buffer.data(), got}).With(To(path)));
    }
  }

  Status CopyAttributes(const std::string& path, const struct stat& st) {
    const std::string to = To(path);
    if (::lchown(to.c_str(), st.st_uid, st.st_gid) != 0) return CopyFailed("chown", to);
    if (!S_ISLNK(st.st_mode) && ::chmod(to.c_str(), st.st_mode & 07777) != 0) return CopyFailed("chmod", to);
    SLIPWAY_RETURN_IF_ERROR(CopyXattrs(From(path), to));
    const std::array<timespec, 2> times = {st.st_atim, st.st_mtim};
    return ::utimensat(AT_FDCWD, to.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) == 0 ? Status()
                                                                                     : CopyFailed("set time of", to);
  }

  const Context& ctx_;
  const std::string layer_;
  const std::string root_;
  std::map<std::pair<dev_t, ino_t>, std::string> first_names_;
};

}  // namespace

Status CopyLayer(const Context& ctx, const std::string& layer, const std::string& root) {
  return LayerCopy(ctx, layer, root).Run();
}

}  // namespace slipway::snapshot
