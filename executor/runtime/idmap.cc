#include "executor/runtime/idmap.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "executor/base/cleanup.h"
#include "executor/base/fs.h"

// After the kernel's header: both define the same constants, and the library's has fewer.
extern "C" int umount2(const char* target, int flags) noexcept;

namespace slipway::runtime {

namespace {

constexpr int kDetach = 2;    // MNT_DETACH
constexpr int kNoFollow = 8;  // UMOUNT_NOFOLLOW

int OpenTree(const char* path) {
  return static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
}

// A process that sits in a new user namespace until it is killed; it does nothing but wait.
Result<pid_t> StartHolder() {
  clone_args args{};
  args.flags = CLONE_NEWUSER;
  args.exit_signal = SIGCHLD;
  const long pid = ::syscall(SYS_clone3, &args, sizeof(args));
  if (pid < 0) {
    const int error = errno;
    return FailedPrecondition("make a user namespace: {}", ErrnoStatus(error, "clone3").message());
  }
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (true) ::pause();
  }
  return static_cast<pid_t>(pid);
}

Status WriteMap(const std::string& path, const std::vector<IdRange>& ranges) {
  std::string text;
  for (const IdRange& r : ranges) text += fmt::format("{} {} {}\n", r.container, r.host, r.count);
  SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd file, fs::Open(path, O_WRONLY | O_CLOEXEC));
  return fs::WriteAll(file.get(), text);
}

// To another's file system ids, for this thread only, with the capabilities that the change takes away.
Status BecomeOwner(uint32_t uid, uint32_t gid) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
  if (::syscall(SYS_capget, &header, data) != 0) return ErrnoStatus(errno, "capget");
  // They return the former id and no error; the second call tells what was reached.
  (void)::syscall(SYS_setfsgid, gid);
  (void)::syscall(SYS_setfsuid, uid);
  if (::syscall(SYS_setfsuid, -1) != static_cast<long>(uid) || ::syscall(SYS_setfsgid, -1) != static_cast<long>(gid)) {
    return FailedPrecondition("become the owner {}:{}: the kernel refuses", uid, gid);
  }
  if (::syscall(SYS_capset, &header, data) != 0) return ErrnoStatus(errno, "capset");
  return Status();
}

Status MakeTarget(const std::string& source, const std::string& target) {
  struct stat st {};
  if (::stat(source.c_str(), &st) != 0) return ErrnoStatus(errno, fmt::format("stat '{}'", source));
  if (S_ISDIR(st.st_mode)) return fs::MakeDirs(target);
  return fs::Open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0644).status();
}

}  // namespace

AttachedMount& AttachedMount::operator=(AttachedMount&& other) noexcept {
  if (this != &other) {
    AttachedMount old(std::move(*this));
    target_ = std::exchange(other.target_, {});
  }
  return *this;
}

AttachedMount::~AttachedMount() {
  if (target_.empty()) return;
  if (::umount2(target_.c_str(), kDetach | kNoFollow) != 0) spdlog::warn("unmount '{}': errno {}", target_, errno);
}

Result<IdMap> IdMap::Make(const std::vector<IdRange>& ranges) {
  SLIPWAY_ASSIGN_OR_RETURN(const pid_t holder, StartHolder());
  const Cleanup end([holder] {
    ::kill(holder, SIGKILL);
    while (::waitpid(holder, nullptr, 0) < 0 && errno == EINTR) {
    }
  });
  IdMap map;
  map.ranges_ = ranges;
  const std::string proc = fmt::format("/proc/{}/", holder);
  SLIPWAY_RETURN_IF_ERROR(WriteMap(proc + "uid_map", ranges));
  SLIPWAY_RETURN_IF_ERROR(WriteMap(proc + "gid_map", ranges));
  SLIPWAY_ASSIGN_OR_RETURN(map.user_ns_, fs::Open(proc + "ns/user", O_RDONLY | O_CLOEXEC));
  return map;
}

Result<AttachedMount> IdMap::Attach(const std::string& source, const std::string& target) const {
  SLIPWAY_RETURN_IF_ERROR(MakeTarget(source, target));
  const UniqueFd tree(OpenTree(source.c_str()));
  if (!tree.valid()) return ErrnoStatus(errno, fmt::format("clone the mount of '{}'", source));
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<uint64_t>(user_ns_.get());
  if (::syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof(attributes)) !=
      0) {
    const int error = errno;
    return Unimplemented("map the owners of '{}': {}", source, ErrnoStatus(error, "mount_setattr").message());
  }
  if (::syscall(SYS_move_mount, tree.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return ErrnoStatus(errno, fmt::format("attach the idmapped '{}' on '{}'", source, target));
  }
  return AttachedMount(target);
}

uint32_t IdMap::OnHost(uint32_t id) const {
  constexpr uint32_t kOverflow = 65534;
  for (const IdRange& r : ranges_) {
    if (id >= r.container && id - r.container < r.count) return r.host + (id - r.container);
  }
  return kOverflow;
}

Status IdMap::AsContainerRoot(const std::function<Status()>& work) const {
  Status status;
  std::thread([&] {
    status = BecomeOwner(OnHost(0), OnHost(0));
    if (status.ok()) status = work();
  }).join();
  return status;
}

}  // namespace slipway::runtime
