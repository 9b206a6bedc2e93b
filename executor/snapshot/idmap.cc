#include "executor/snapshot/idmap.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <thread>

#include "executor/base/cleanup.h"
#include "executor/base/fs.h"

namespace slipway::snapshot {

namespace {

/// A process in a new user namespace. It does nothing but wait to be killed; between fork and then it only makes system
/// calls.
Result<pid_t> StartHolder() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus(errno, "make a pipe");
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return ErrnoStatus(errno, "start a process for a user namespace");
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const char made = ::unshare(CLONE_NEWUSER) == 0 ? 1 : 0;
    (void)!::write(write_end.get(), &made, 1);
    while (true) ::pause();
  }
  write_end.Reset();
  char made = 0;
  while (::read(read_end.get(), &made, 1) < 0 && errno == EINTR) {
  }
  if (made == 1) return pid;
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  return Unimplemented("make a user namespace: the kernel refuses");
}

Status WriteMap(pid_t pid, std::string_view name, const std::vector<IdRange>& ids) {
  std::string text;
  for (const IdRange& range : ids) text += fmt::format("{} {} {}\n", range.container, range.host, range.count);
  SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd file, fs::Open(fmt::format("/proc/{}/{}", pid, name), O_WRONLY));
  return fs::WriteAll(file.get(), text).With("map the ids of a user namespace");
}

Status BecomeOwner(uint32_t id) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct capabilities[_LINUX_CAPABILITY_U32S_3];
  if (::syscall(SYS_capget, &header, capabilities) != 0) return ErrnoStatus(errno, "read our capabilities");
  // These calls have no error to give; asking for an impossible id tells the present one.
  ::syscall(SYS_setfsgid, id);
  ::syscall(SYS_setfsuid, id);
  if (::syscall(SYS_setfsgid, -1) != static_cast<long>(id) || ::syscall(SYS_setfsuid, -1) != static_cast<long>(id)) {
    return FailedPrecondition("act as the owner {}: the kernel refuses", id);
  }
  // The change has taken those away that are about files.
  return ::syscall(SYS_capset, &header, capabilities) == 0 ? Status() : ErrnoStatus(errno, "keep our capabilities");
}

}  // namespace

Result<UniqueFd> MakeUserNamespace(const std::vector<IdRange>& ids) {
  SLIPWAY_ASSIGN_OR_RETURN(const pid_t holder, StartHolder());
  const Cleanup end([holder] {
    ::kill(holder, SIGKILL);
    while (::waitpid(holder, nullptr, 0) < 0 && errno == EINTR) {
    }
  });
  SLIPWAY_RETURN_IF_ERROR(WriteMap(holder, "uid_map", ids));
  SLIPWAY_RETURN_IF_ERROR(WriteMap(holder, "gid_map", ids));
  return fs::Open(fmt::format("/proc/{}/ns/user", holder), O_RDONLY);
}

Result<ScopedMount> MountIdMapped(const std::string& source, const std::string& target, int user_namespace,
                                  MountsBelow below) {
  const unsigned int recursive = below == MountsBelow::kCome ? AT_RECURSIVE : 0;
  const unsigned int how = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW | recursive;
  const UniqueFd tree(::open_tree(AT_FDCWD, source.c_str(), how));
  if (!tree.valid()) {
    const Status why = ErrnoStatus(errno, fmt::format("clone the mount of '{}'", source));
    return errno == ENOSYS ? Unimplemented("{}", why.message()) : why;
  }
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<uint64_t>(user_namespace);
  if (::mount_setattr(tree.get(), "", AT_EMPTY_PATH | recursive, &attributes, sizeof(attributes)) != 0) {
    return Unimplemented("{}", ErrnoStatus(errno, fmt::format("shift the owners in '{}'", source)).message());
  }
  if (::move_mount(tree.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return ErrnoStatus(errno, fmt::format("mount '{}' on '{}'", source, target));
  }
  return ScopedMount(target, below == MountsBelow::kCome);
}

Status AsOwner(uint32_t id, const std::function<Status()>& work) {
  Status status;
  std::thread thread([&] {
    status = BecomeOwner(id);
    if (status.ok()) status = work();
  });
  thread.join();
  return status;
}

}  // namespace slipway::snapshot
