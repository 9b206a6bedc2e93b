#include "executor/runtime/syscall_table.h"

namespace slipway::runtime {

namespace {

// A table, grouped by what the calls are about.
// clang-format off
constexpr std::string_view kAlways[] = {
    // files and folders
    "access", "chdir", "chmod", "chown", "chown32", "close", "close_range", "copy_file_range", "creat", "dup", "dup2",
    "dup3", "faccessat", "faccessat2", "fadvise64", "fadvise64_64", "fallocate", "fchdir", "fchmod", "fchmodat",
    "fchmodat2", "fchown", "fchown32", "fchownat", "fcntl", "fcntl64", "fdatasync", "flock", "fstat", "fstat64",
    "fstatat64", "fstatfs", "fstatfs64", "fsync", "ftruncate", "ftruncate64", "futimesat", "getcwd", "getdents",
    "getdents64", "ioctl", "lchown", "lchown32", "link", "linkat", "_llseek", "lseek", "lstat", "lstat64", "mkdir",
    "mkdirat", "mknod", "mknodat", "name_to_handle_at", "newfstatat", "open", "openat", "openat2", "pipe", "pipe2",
    "pread64", "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readahead", "readlink", "readlinkat",
    "readv", "rename", "renameat", "renameat2", "rmdir", "sendfile", "sendfile64", "splice", "stat", "stat64",
    "statfs", "statfs64", "statx", "symlink", "symlinkat", "sync", "sync_file_range", "syncfs", "tee", "truncate",
    "truncate64", "umask", "unlink", "unlinkat", "utime", "utimensat", "utimensat_time64", "utimes", "vmsplice",
    "write", "writev", "cachestat", "statmount", "listmount",
    // extended attributes
    "fgetxattr", "flistxattr", "fremovexattr", "fsetxattr", "getxattr", "getxattrat", "lgetxattr", "listxattr",
    "listxattrat", "llistxattr", "lremovexattr", "lsetxattr", "removexattr", "removexattrat", "setxattr",
    "setxattrat",
    // waiting for events
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_ctl_old", "epoll_pwait", "epoll_pwait2", "epoll_wait",
    "epoll_wait_old", "eventfd", "eventfd2", "fanotify_mark", "inotify_add_watch", "inotify_init", "inotify_init1",
    "inotify_rm_watch", "_newselect", "poll", "ppoll", "ppoll_time64", "pselect6", "pselect6_time64", "select",
    "signalfd", "signalfd4",
    // asynchronous reads and writes of the older kind
    "io_cancel", "io_destroy", "io_getevents", "io_pgetevents", "io_pgetevents_time64", "io_setup", "io_submit",
    // memory
    "brk", "madvise", "map_shadow_stack", "membarrier", "memfd_create", "memfd_secret", "mincore", "mlock", "mlock2",
    "mlockall", "mmap", "mmap2", "mprotect", "mremap", "mseal", "msync", "munlock", "munlockall", "munmap",
    "pkey_alloc", "pkey_free", "pkey_mprotect", "process_mrelease", "remap_file_pages",
    // processes, threads and scheduling
    "alarm", "capget", "capset", "execve", "execveat", "exit", "exit_group", "fork", "futex", "futex_requeue",
    "futex_time64", "futex_wait", "futex_waitv", "futex_wake", "get_robust_list", "get_thread_area", "getcpu",
    "getpgid", "getpgrp", "getpid", "getppid", "getpriority", "getrlimit", "getrusage", "getsid", "gettid",
    "ioprio_get", "ioprio_set", "kill", "nanosleep", "pause", "pidfd_open", "pidfd_send_signal", "prctl", "prlimit64",
    "restart_syscall", "rseq", "sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity",
    "sched_getattr", "sched_getparam", "sched_getscheduler", "sched_rr_get_interval", "sched_rr_get_interval_time64",
    "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler", "sched_yield", "seccomp",
    "set_robust_list", "set_thread_area", "set_tid_address", "setpgid", "setpriority", "setrlimit", "setsid",
    "tgkill", "times", "tkill", "ugetrlimit", "vfork", "wait4", "waitid", "waitpid",
    // tracing one's own children
    "process_vm_readv", "process_vm_writev", "ptrace",
    // user and group ids
    "getegid", "getegid32", "geteuid", "geteuid32", "getgid", "getgid32", "getgroups", "getgroups32", "getresgid",
    "getresgid32", "getresuid", "getresuid32", "getuid", "getuid32", "setfsgid", "setfsgid32", "setfsuid",
    "setfsuid32", "setgid", "setgid32", "setgroups", "setgroups32", "setregid", "setregid32", "setresgid",
    "setresgid32", "setresuid", "setresuid32", "setreuid", "setreuid32", "setuid", "setuid32",
    // signals
    "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend",
    "rt_sigtimedwait", "rt_sigtimedwait_time64", "rt_tgsigqueueinfo", "sigaltstack", "signal", "sigprocmask",
    "sigreturn",
    // time
    "adjtimex", "clock_adjtime", "clock_adjtime64", "clock_getres", "clock_getres_time64", "clock_gettime",
    "clock_gettime64", "clock_nanosleep", "clock_nanosleep_time64", "getitimer", "gettimeofday", "setitimer", "time",
    "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime", "timer_gettime64", "timer_settime",
    "timer_settime64", "timerfd_create", "timerfd_gettime", "timerfd_gettime64", "timerfd_settime",
    "timerfd_settime64",
    // sockets (socket itself has a rule of its own)
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recv", "recvfrom",
    "recvmmsg", "recvmmsg_time64", "recvmsg", "send", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
    "socketcall", "socketpair",
    // System V and POSIX inter-process communication
    "ipc", "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedreceive_time64", "mq_timedsend",
    "mq_timedsend_time64", "mq_unlink", "msgctl", "msgget", "msgrcv", "msgsnd", "semctl", "semget", "semop",
    "semtimedop", "semtimedop_time64", "shmat", "shmctl", "shmdt", "shmget",
    // restricting oneself further
    "landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self",
    // the system as a whole
    "getrandom", "sysinfo", "uname", "uretprobe",
};
constexpr std::string_view kBpf[] = {"bpf"};
constexpr std::string_view kDacReadSearch[] = {"open_by_handle_at"};
constexpr std::string_view kPerfmon[] = {"perf_event_open"};
constexpr std::string_view kSysAdmin[] = {
    "bpf", "clone", "clone3", "fanotify_init", "fsconfig", "fsmount", "fsopen", "fspick", "lookup_dcookie",
    "lsm_get_self_attr", "lsm_list_modules", "lsm_set_self_attr", "mount", "mount_setattr", "move_mount", "open_tree",
    "perf_event_open", "quotactl", "quotactl_fd", "setdomainname", "sethostname", "setns", "syslog", "umount",
    "umount2", "unshare",
};
constexpr std::string_view kSysBoot[] = {"reboot"};
constexpr std::string_view kSysChroot[] = {"chroot"};
constexpr std::string_view kSyslog[] = {"syslog"};
constexpr std::string_view kSysModule[] = {"delete_module", "finit_module", "init_module"};
constexpr std::string_view kSysNice[] = {"get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"};
constexpr std::string_view kSysPacct[] = {"acct"};
constexpr std::string_view kSysPtrace[] = {"kcmp", "pidfd_getfd", "process_madvise"};
constexpr std::string_view kSysRawio[] = {"iopl", "ioperm"};
constexpr std::string_view kSysTime[] = {"clock_settime", "clock_settime64", "settimeofday", "stime"};
constexpr std::string_view kSysTtyConfig[] = {"vhangup"};
// clang-format on

constexpr CapabilitySyscalls kByCapability[] = {
    {"CAP_BPF", kBpf},
    {"CAP_DAC_READ_SEARCH", kDacReadSearch},
    {"CAP_PERFMON", kPerfmon},
    {"CAP_SYS_ADMIN", kSysAdmin},
    {"CAP_SYS_BOOT", kSysBoot},
    {"CAP_SYS_CHROOT", kSysChroot},
    {"CAP_SYSLOG", kSyslog},
    {"CAP_SYS_MODULE", kSysModule},
    {"CAP_SYS_NICE", kSysNice},
    {"CAP_SYS_PACCT", kSysPacct},
    {"CAP_SYS_PTRACE", kSysPtrace},
    {"CAP_SYS_RAWIO", kSysRawio},
    {"CAP_SYS_TIME", kSysTime},
    {"CAP_SYS_TTY_CONFIG", kSysTtyConfig},
};

constexpr std::string_view kX86[] = {"arch_prctl", "modify_ldt"};
constexpr std::string_view kArm[] = {"arm_fadvise64_64", "arm_sync_file_range", "breakpoint", "cacheflush",
                                     "set_tls",          "sync_file_range2"};
constexpr std::string_view kPpc[] = {"swapcontext", "sync_file_range2"};
constexpr std::string_view kRiscv[] = {"riscv_flush_icache", "riscv_hwprobe"};
constexpr std::string_view kS390[] = {"s390_pci_mmio_read", "s390_pci_mmio_write", "s390_runtime_instr"};

constexpr MachineSyscalls kByMachine[] = {
    {"x86_64", kX86},  {"i686", kX86},   {"aarch64", kArm},   {"armv7l", kArm},
    {"ppc64le", kPpc}, {"s390x", kS390}, {"riscv64", kRiscv},
};

}  // namespace

std::span<const std::string_view> AlwaysAllowedSyscalls() { return kAlways; }
std::span<const CapabilitySyscalls> SyscallsByCapability() { return kByCapability; }
std::span<const MachineSyscalls> SyscallsByMachine() { return kByMachine; }

}  // namespace slipway::runtime
