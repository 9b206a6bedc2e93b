#include "executor/runtime/container_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "executor/base/fs.h"
#include "executor/runtime/host.h"
#include "executor/runtime/text.h"

namespace slipway::runtime {

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kForever = -1;
constexpr std::chrono::milliseconds kStartTick(2);  // how soon a started program's held-back output is seen
constexpr std::chrono::milliseconds kStopTick(10);
constexpr std::chrono::milliseconds kStartPatience(500);
constexpr std::chrono::seconds kKillPatience(10);
constexpr size_t kMostHeld = 1U << 20;

ino_t PidNamespace(const std::string& pid) {
  struct stat st {};
  return ::stat(fmt::format("/proc/{}/ns/pid", pid).c_str(), &st) == 0 ? st.st_ino : 0;
}

bool CatchesSigterm(pid_t pid) {
  const std::string status = fs::ReadFile(fmt::format("/proc/{}/status", pid), 1U << 20).ValueOr("");
  const std::string_view field = ProcStatusField(status, "SigCgt");
  uint64_t caught = 0;
  std::from_chars(field.data(), field.data() + field.size(), caught, 16);
  return (caught >> (SIGTERM - 1) & 1) != 0;
}

// The program's first process, or 0 while the runtime has not said that it runs.
pid_t ReadPidFile(const std::string& path) {
  const std::string text = fs::ReadFile(path, 64).ValueOr("");
  pid_t pid = 0;
  std::from_chars(text.data(), text.data() + text.size(), pid);
  return pid;
}

// Ends a container step by step; Tick is called every now and then until the runtime has ended.
class Stopper {
 public:
  Stopper(const ContainerCommand& command, const ChildProcess& runtime)
      : command_(command), runtime_(runtime), begun_(SteadyClock::now()) {}

  /// False: nothing is known to be waited for; what there may be is to be deleted by the runtime.
  bool Tick() {
    if (!AskedToEnd()) {
      // The program may run already, and the runtime be about to say so; else it has not begun and needs no grace.
      if (SteadyClock::now() < begun_ + kStartPatience) return true;
      runtime_.Kill(SIGKILL);
      return false;
    }
    const std::vector<pid_t> left = ProcessesInNamespaceOf(init_);
    const auto now = SteadyClock::now();
    const bool deaf = left.size() == 1 && !CatchesSigterm(init_);
    // The kernel kills the others of a PID namespace with its first process.
    if (!left.empty() && (deaf || now >= kill_at_)) ::kill(init_, SIGKILL);
    // With nothing left the runtime is tidying up.
    if (now <= kill_at_ + kKillPatience) return true;
    runtime_.Kill(SIGKILL);
    return false;
  }

 private:
  bool AskedToEnd() {
    if (init_ != 0) return true;
    init_ = ReadPidFile(command_.pid_file);
    if (init_ == 0) return false;
    for (const pid_t pid : ProcessesInNamespaceOf(init_)) ::kill(pid, SIGTERM);
    kill_at_ = SteadyClock::now() + command_.grace;
    return true;
  }

  const ContainerCommand& command_;
  const ChildProcess& runtime_;
  const SteadyClock::time_point begun_;
  pid_t init_ = 0;
  SteadyClock::time_point kill_at_;
};

class Pump {
 public:
  Pump(const Context& ctx, const ContainerCommand& command, const OutputSink& output)
      : ctx_(ctx), command_(command), output_(output) {}

  Result<ContainerOutcome> Run();

 private:
  Status Start();
  void Loop();
  int PollTimeout() const;
  void Read(UniqueFd& fd, Stream stream);
  void Deliver(Stream stream, std::string_view bytes);
  bool CheckStarted();

  const Context& ctx_;
  const ContainerCommand& command_;
  const OutputSink& output_;
  ChildProcess runtime_;
  UniqueFd out_, err_, wake_;
  bool started_ = false;
  std::string held_;  // standard error from before the start: the runtime's words, unless the program turns out to run
  std::optional<Stopper> stopper_;
};

Status Pump::Start() {
  std::array<int, 2> out{};
  std::array<int, 2> err{};
  if (::pipe2(out.data(), O_CLOEXEC) != 0) return ErrnoStatus(errno, "make a pipe");
  out_.Reset(out[0]);
  const UniqueFd out_write(out[1]);
  if (::pipe2(err.data(), O_CLOEXEC) != 0) return ErrnoStatus(errno, "make a pipe");
  err_.Reset(err[0]);
  const UniqueFd err_write(err[1]);
  wake_.Reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_.valid()) return ErrnoStatus(errno, "make an eventfd");
  SpawnOptions spawn = command_.spawn;
  spawn.stdout_fd = out_write.get();
  spawn.stderr_fd = err_write.get();
  SLIPWAY_ASSIGN_OR_RETURN(runtime_, ChildProcess::Spawn(spawn));
  return Status();
}

bool Pump::CheckStarted() {
  if (started_ || ReadPidFile(command_.pid_file) == 0) return started_;
  started_ = true;
  if (command_.on_started) command_.on_started();
  return true;
}

void Pump::Deliver(Stream stream, std::string_view bytes) {
  if (stream == Stream::kStderr && !CheckStarted() && held_.size() < kMostHeld) {
    held_ += bytes;
    return;
  }
  if (!held_.empty()) output_(Stream::kStderr, std::exchange(held_, {}));
  if (!bytes.empty()) output_(stream, bytes);
}

void Pump::Read(UniqueFd& fd, Stream stream) {
  std::array<char, 65536> buffer;
  const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
  if (n > 0) {
    Deliver(stream, {buffer.data(), static_cast<size_t>(n)});
  } else if (n == 0 || errno != EINTR) {
    fd.Reset();
  }
}

int Pump::PollTimeout() const {
  if (stopper_) return static_cast<int>(kStopTick.count());
  auto timeout = std::chrono::milliseconds::max();
  if (!started_ && (!held_.empty() || command_.on_started)) timeout = kStartTick;
  if (ctx_.deadline()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*ctx_.deadline() - SteadyClock::now());
    timeout = std::clamp(left, std::chrono::milliseconds(0), timeout);
  }
  constexpr std::chrono::hours kLongest(1);
  return timeout == std::chrono::milliseconds::max()
             ? kForever
             : static_cast<int>(std::min<int64_t>(timeout.count(), std::chrono::milliseconds(kLongest).count()));
}

void Pump::Loop() {
  std::stop_callback on_stop(ctx_.stop_token(), [this] { ::eventfd_write(wake_.get(), 1); });
  // The runtime holds both pipes as long as it runs, so their end is its end.
  while (out_.valid() || err_.valid()) {
    std::array<pollfd, 3> polls = {pollfd{out_.get(), POLLIN, 0}, pollfd{err_.get(), POLLIN, 0},
                                   pollfd{stopper_ ? -1 : wake_.get(), POLLIN, 0}};
    ::poll(polls.data(), polls.size(), PollTimeout());
    if (polls[0].revents != 0) Read(out_, Stream::kStdout);
    if (polls[1].revents != 0) Read(err_, Stream::kStderr);
    if ((!held_.empty() || command_.on_started) && CheckStarted()) Deliver(Stream::kStderr, {});
    if (!stopper_ && ctx_.Done()) stopper_.emplace(command_, runtime_);
    if (stopper_ && !stopper_->Tick()) return;
  }
}

Result<ContainerOutcome> Pump::Run() {
  SLIPWAY_RETURN_IF_ERROR(Start());
  Loop();
  ContainerOutcome outcome;
  SLIPWAY_ASSIGN_OR_RETURN(outcome.exit, runtime_.Wait(Context::Background()));
  outcome.started = CheckStarted();
  if (outcome.started) {
    Deliver(Stream::kStderr, {});
  } else {
    outcome.words = std::move(held_);
  }
  if (stopper_) return ctx_.Err();
  return outcome;
}

}  // namespace

std::vector<pid_t> ProcessesInNamespaceOf(pid_t init) {
  if (init <= 0) return {};
  const ino_t wanted = PidNamespace(std::to_string(init));
  if (wanted == 0 || wanted == PidNamespace("self")) return {};
  std::vector<pid_t> found;
  for (const std::string& name : fs::ListDir("/proc").ValueOr({})) {
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size()) continue;
    if (PidNamespace(name) == wanted) found.push_back(pid);
  }
  return found;
}

Result<ContainerOutcome> RunContainerProcess(const Context& ctx, const ContainerCommand& command,
                                             const OutputSink& output) {
  return Pump(ctx, command, output).Run();
}

}  // namespace slipway::runtime
