#include "executor/base/process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "executor/base/fs.h"

namespace slipway {

namespace {

// Where execvp would find the program; searching before the fork keeps the child to async-signal-safe calls.
Result<std::string> FindProgram(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    if (::access(name.c_str(), X_OK) == 0) return name;
    return ErrnoStatus(errno, fmt::format("run '{}'", name));
  }
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  while (!rest.empty()) {
    const size_t colon = std::min(rest.find(':'), rest.size());
    std::string candidate = fs::Join(rest.substr(0, colon), name);
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    rest.remove_prefix(std::min(colon + 1, rest.size()));
  }
  return NotFound("run '{}': no such program in PATH", name);
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (std::string& s : strings) out.push_back(s.data());
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> Environment(const SpawnOptions& options) {
  std::vector<std::string> out;
  if (options.env) {
    for (const auto& [key, value] : *options.env) out.push_back(fmt::format("{}={}", key, value));
  } else {
    for (char** e = environ; *e != nullptr; ++e) out.emplace_back(*e);
  }
  return out;
}

struct ChildPlan {
  const char* program;
  int program_fd;  // instead of it, unless -1
  char* const* argv;
  char* const* envp;
  const char* cwd;
  const char* hidden_mount;
  const int* fds;
  int fd_count;
  int spare_fd;  // above all of them
  int error_fd;
  pid_t parent;
};

// In the child. Without the second call what is unmounted here would be unmounted outside as well.
bool HideMount(const char* path) {
  return ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_SLAVE | MS_REC, nullptr) == 0 &&
         ::umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0;
}

// In the child. A handler of ours must not run there: the memory is the parent's.
void ForgetSignalHandlers() {
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action {};
    if (::sigaction(number, nullptr, &action) != 0) continue;
    if (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN) continue;
    action = {};
    action.sa_handler = SIG_DFL;
    ::sigaction(number, &action, nullptr);
  }
}

// In the child: async-signal-safe calls only. Writes errno to error_fd if exec fails.
[[noreturn]] void RunChild(const ChildPlan& plan) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto fail = [&plan] {
    const int error = errno;
    (void)!::write(plan.error_fd, &error, sizeof(error));
    ::_exit(127);
  };
  if (::getppid() != plan.parent) ::_exit(127);
  // First move every descriptor out of the way of the numbers that are about to be taken.
  const int base = plan.spare_fd;
  for (int i = 0; i < plan.fd_count; ++i) {
    const int from = plan.fds[i] >= 0 ? plan.fds[i] : ::open("/dev/null", O_RDWR | O_CLOEXEC);
    // What was just opened may already have the number.
    if (from < 0 || (from != base + i && ::dup3(from, base + i, O_CLOEXEC) < 0)) fail();
  }
  const int error_fd = base + plan.fd_count;
  if (::dup3(plan.error_fd, error_fd, O_CLOEXEC) < 0) fail();
  const int program_fd = error_fd + 1;
  if (plan.program_fd >= 0 && ::dup3(plan.program_fd, program_fd, O_CLOEXEC) < 0) fail();
  for (int i = 0; i < plan.fd_count; ++i) {
    if (::dup2(base + i, i) < 0) fail();
  }
  // What a library opened without O_CLOEXEC, or we were started with, is nobody else's business.
  ::syscall(SYS_close_range, static_cast<unsigned>(plan.fd_count), ~0U, CLOSE_RANGE_CLOEXEC);
  ForgetSignalHandlers();
  ::signal(SIGPIPE, SIG_DFL);
  if ((*plan.hidden_mount != '\0' && !HideMount(plan.hidden_mount)) || (*plan.cwd != '\0' && ::chdir(plan.cwd) != 0)) {
    const int error = errno;
    (void)!::write(error_fd, &error, sizeof(error));
    ::_exit(127);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (plan.program_fd >= 0) {
    ::syscall(SYS_execveat, program_fd, "", plan.argv, plan.envp, AT_EMPTY_PATH);
  } else {
    ::execve(plan.program, plan.argv, plan.envp);
  }
  const int error = errno;
  (void)!::write(error_fd, &error, sizeof(error));
  ::_exit(127);
}

// A fork that copies none of our memory: the child runs in it, on this thread's stack, until it has become the program,
// and the thread waits for that. A daemon with many threads and caches pays milliseconds for a copy of its page tables,
// and then for a copy of each page that it writes to. No signal may come in between.
pid_t StartChild(const ChildPlan& plan) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::vfork();
  if (pid == 0) RunChild(plan);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

ExitStatus Decode(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return {.code = info.si_status, .signal = 0};
  return {.code = 128 + info.si_status, .signal = info.si_status};
}

// Milliseconds for poll(): until the deadline, but at most `most`.
int PollTimeout(const Context& ctx, int most) {
  if (!ctx.deadline()) return most;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*ctx.deadline() - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, most));
}

Result<std::array<UniqueFd, 2>> MakePipe() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) return ErrnoStatus(errno, "make a pipe");
  return std::array<UniqueFd, 2>{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// After the end of its leader: what is left of a group has until `kill_at` to end as well. Its number is not given to a
// new process while a member is left.
void EndGroup(pid_t group, std::chrono::steady_clock::time_point kill_at) {
  while (::kill(-group, 0) == 0) {
    if (std::chrono::steady_clock::now() >= kill_at) {
      ::kill(-group, SIGKILL);
      return;
    }
    ::poll(nullptr, 0, 20);
  }
}

// Whether the child has ended and waits to be reaped.
bool HasEnded(pid_t pid) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

}  // namespace

std::string ExitStatus::ToString() const {
  return signal != 0 ? fmt::format("signal {} ({})", signal, ::strsignal(signal)) : fmt::format("exit code {}", code);
}

Result<ChildProcess> ChildProcess::Spawn(const SpawnOptions& options) {
  assert(!options.argv.empty());
  std::string program;
  if (options.program_fd < 0) {
    SLIPWAY_ASSIGN_OR_RETURN(program, FindProgram(options.argv[0]));
  }
  std::vector<std::string> args = options.argv;
  std::vector<std::string> environment = Environment(options);
  const std::vector<char*> argv = Pointers(args);
  const std::vector<char*> envp = Pointers(environment);
  std::vector<int> fds = {options.stdin_fd, options.stdout_fd, options.stderr_fd};
  fds.insert(fds.end(), options.extra_fds.begin(), options.extra_fds.end());
  SLIPWAY_ASSIGN_OR_RETURN(auto error_pipe, MakePipe());

  const ChildPlan plan{.program = program.c_str(),
                       .program_fd = options.program_fd,
                       .argv = argv.data(),
                       .envp = envp.data(),
                       .cwd = options.cwd.c_str(),
                       .hidden_mount = options.hidden_mount.c_str(),
                       .fds = fds.data(),
                       .fd_count = static_cast<int>(fds.size()),
                       .spare_fd = std::max({*std::max_element(fds.begin(), fds.end()), error_pipe[1].get(),
                                             options.program_fd, static_cast<int>(fds.size())}) +
                                   1,
                       .error_fd = error_pipe[1].get(),
                       .parent = ::getpid()};
  const pid_t pid = StartChild(plan);
  if (pid < 0) return ErrnoStatus(errno, fmt::format("run '{}'", options.argv[0]));

  ChildProcess child;
  child.pid_ = pid;
  child.reaping_ = std::make_unique<std::mutex>();
  child.pidfd_.Reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  error_pipe[1].Reset();
  int error = 0;
  ssize_t got = 0;
  while ((got = ::read(error_pipe[0].get(), &error, sizeof(error))) < 0 && errno == EINTR) {
  }
  if (got == sizeof(error)) return ErrnoStatus(error, fmt::format("run '{}'", options.argv[0]));
  if (!child.pidfd_.valid()) return ErrnoStatus(errno, "pidfd_open");
  return child;
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)), reaping_(std::move(other.reaping_)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this != &other) {
    ChildProcess old(std::move(*this));
    pid_ = std::exchange(other.pid_, -1);
    pidfd_ = std::move(other.pidfd_);
    reaping_ = std::move(other.reaping_);
  }
  return *this;
}

ChildProcess::~ChildProcess() {
  if (pid_ < 0) return;
  Kill(SIGKILL);
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) != 0 && errno == EINTR) {
  }
}

Result<ExitStatus> ChildProcess::Wait(const Context& ctx, std::chrono::milliseconds grace) {
  if (pid_ < 0) return Internal("wait for a program that was not started or has ended");
  const pid_t group = pid_;
  std::array<int, 2> wake_fds{};
  if (::pipe2(wake_fds.data(), O_CLOEXEC | O_NONBLOCK) != 0) return ErrnoStatus(errno, "make a pipe");
  UniqueFd wake_read(wake_fds[0]);
  UniqueFd wake_write(wake_fds[1]);
  std::stop_callback on_stop(ctx.stop_token(), [&wake_write] { (void)!::write(wake_write.get(), "x", 1); });

  constexpr int kLongWait = 60'000;
  Status ended;
  auto kill_at = std::chrono::steady_clock::time_point::max();
  while (true) {
    std::array<pollfd, 2> polls = {pollfd{pidfd_.get(), POLLIN, 0}, pollfd{wake_read.get(), POLLIN, 0}};
    const bool stopping = !ended.ok();
    ::poll(polls.data(), stopping ? 1 : 2, stopping ? 20 : PollTimeout(ctx, kLongWait));
    siginfo_t info{};
    if (Reap(info)) {
      if (!stopping) return Decode(info);
      EndGroup(group, kill_at);
      return ended;
    }
    if (!stopping) {
      ended = ctx.Err();
      if (!ended.ok()) {
        Kill(SIGTERM);
        kill_at = std::chrono::steady_clock::now() + grace;
      }
    } else if (std::chrono::steady_clock::now() >= kill_at) {
      Kill(SIGKILL);
    }
  }
}

bool ChildProcess::Reap(siginfo_t& info) {
  std::lock_guard lock(*reaping_);
  if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG) != 0 || info.si_pid != pid_) return false;
  pid_ = -1;
  return true;
}

void ChildProcess::Kill(int signal) const {
  if (!reaping_) return;
  std::lock_guard lock(*reaping_);
  if (pid_ > 0) ::kill(-pid_, signal);
}

Result<RunOutput> RunProgram(const Context& ctx, SpawnOptions options, std::string_view input, size_t limit) {
  SLIPWAY_ASSIGN_OR_RETURN(auto in, MakePipe());
  SLIPWAY_ASSIGN_OR_RETURN(auto out, MakePipe());
  SLIPWAY_ASSIGN_OR_RETURN(auto err, MakePipe());
  options.stdin_fd = in[0].get();
  options.stdout_fd = out[1].get();
  options.stderr_fd = err[1].get();
  SLIPWAY_ASSIGN_OR_RETURN(ChildProcess child, ChildProcess::Spawn(options));
  in[0].Reset();
  out[1].Reset();
  err[1].Reset();
  ::fcntl(in[1].get(), F_SETFL, O_NONBLOCK);

  RunOutput result;
  const std::array<std::pair<UniqueFd*, std::string*>, 2> streams = {std::pair{&out[0], &result.out},
                                                                     std::pair{&err[0], &result.err}};
  constexpr int kTick = 100;  // how soon a cancel is noticed
  while (true) {
    if (input.empty()) in[1].Reset();
    // A program may close its output and go on reading; once it has ended, nobody does.
    const bool feeding = in[1].valid() && !HasEnded(child.pid());
    if (!out[0].valid() && !err[0].valid() && !feeding) break;
    std::array<pollfd, 3> polls = {pollfd{out[0].get(), POLLIN, 0}, pollfd{err[0].get(), POLLIN, 0},
                                   pollfd{in[1].get(), POLLOUT, 0}};
    ::poll(polls.data(), polls.size(), PollTimeout(ctx, kTick));
    if (ctx.Done()) break;
    for (size_t i = 0; i < streams.size(); ++i) {
      if (polls[i].revents == 0) continue;
      std::array<char, 16384> buffer;
      const ssize_t n = ::read(polls[i].fd, buffer.data(), buffer.size());
      if (n > 0) {
        std::string& kept = *streams[i].second;
        kept.append(buffer.data(), std::min(static_cast<size_t>(n), limit - std::min(limit, kept.size())));
      } else if (n == 0 || errno != EINTR) {
        streams[i].first->Reset();
      }
    }
    if (polls[2].revents != 0) {
      const ssize_t n = ::write(in[1].get(), input.data(), input.size());
      if (n > 0) {
        input.remove_prefix(static_cast<size_t>(n));
      } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
        input = {};
      }
    }
  }
  SLIPWAY_ASSIGN_OR_RETURN(result.exit, child.Wait(ctx));
  return result;
}

}  // namespace slipway
