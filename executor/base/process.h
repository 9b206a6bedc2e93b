// ChildProcess: a program we started. Killed with its process group and reaped when destroyed.
//
// Every descriptor of ours is close-on-exec; only what SpawnOptions names is passed on. Not thread-safe, except that
// Kill may be called from any thread while another waits.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/status.h"
#include "executor/base/unique_fd.h"

namespace slipway {

/// How a program ended: by exit(code), or by a signal (then code is 128 + signal, as shells say).
struct ExitStatus {
  int code = 0;
  int signal = 0;
  bool ok() const { return code == 0; }
  /// "exit code 3" or "signal 9 (Killed)".
  std::string ToString() const;
};

struct SpawnOptions {
  std::vector<std::string> argv;                          ///< argv[0] is looked up in PATH unless it has a slash
  /// The program's file, to be executed as argv[0] instead of what stands there; -1: none. Not owned.
  int program_fd = -1;
  std::optional<std::map<std::string, std::string>> env;  ///< instead of ours
  std::string cwd;                                        ///< empty: ours
  /// Descriptors for 0, 1, 2; -1 is /dev/null. Not owned.
  int stdin_fd = -1;
  int stdout_fd = -1;
  int stderr_fd = -1;
  /// Further descriptors, to appear as 3, 4, … in the child.
  std::vector<int> extra_fds;
  /// A mount point that the program is not to see: it gets a mount namespace of its own, without that mount. What is
  /// mounted or unmounted outside afterwards is seen inside as far as it is propagated. Empty: our namespace. Needs
  /// CAP_SYS_ADMIN.
  std::string hidden_mount;
};

class ChildProcess {
 public:
  /// NOT_FOUND if the program is not there. The child leads a process group of its own. It is killed when the thread
  /// that started it ends (PR_SET_PDEATHSIG), so nothing outlives a killed daemon: start and wait in one thread.
  static Result<ChildProcess> Spawn(const SpawnOptions& options);

  ChildProcess() = default;
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess();

  pid_t pid() const { return pid_; }
  /// Waits for the end. On cancel: SIGTERM to the group, `grace`, SIGKILL, reap; then the context's error. The grace is
  /// for all of the group, also after its leader has gone.
  Result<ExitStatus> Wait(const Context& ctx, std::chrono::milliseconds grace = std::chrono::seconds(5));
  /// Signals the process group. No effect once its leader was reaped.
  void Kill(int signal) const;

 private:
  bool Reap(siginfo_t& info);

  pid_t pid_ = -1;
  UniqueFd pidfd_;
  std::unique_ptr<std::mutex> reaping_;  // held to signal or to reap: a number that was reaped may be another's by now
};

struct RunOutput {
  ExitStatus exit;
  std::string out;
  std::string err;
};

/// Runs to the end and keeps what was printed (the first `limit` bytes of each stream). A non-zero exit is no error
/// here. Our process must ignore SIGPIPE where `input` is given.
Result<RunOutput> RunProgram(const Context& ctx, SpawnOptions options, std::string_view input = {},
                             size_t limit = 1U << 20);

}  // namespace slipway
