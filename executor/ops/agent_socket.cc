#include "executor/ops/agent_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <list>
#include <mutex>
#include <thread>

#include "executor/base/cancel_fd.h"
#include "executor/base/unique_fd.h"

namespace slipway::ops {

namespace {
constexpr int kBacklog = 64;
constexpr size_t kMostPrograms = 64;
}  // namespace

class AgentSocket::Impl {
 public:
  Impl(const Context& ctx, std::string path, Options options, std::shared_ptr<AgentChannel> channel)
      : path_(std::move(path)), options_(std::move(options)), channel_(std::move(channel)), ctx_(ctx.Child()) {}

  ~Impl() {
    ctx_.Cancel(Cancelled("the socket of SSH agent '{}' is closed", options_.id));
    if (acceptor_.joinable()) acceptor_.join();
    for (Program& program : programs_) program.thread.join();
    if (listener_.valid()) ::unlink(path_.c_str());
  }

  Status Open() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof(address.sun_path)) return InvalidArgument("'{}' is too long for a socket", path_);
    path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!listener.valid()) return ErrnoStatus(errno, "make a socket");
    if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      return ErrnoStatus(errno, fmt::format("bind a socket to '{}'", path_));
    }
    listener_ = std::move(listener);
    if (::chown(path_.c_str(), options_.uid, options_.gid) != 0 || ::chmod(path_.c_str(), options_.mode & 07777) != 0) {
      return ErrnoStatus(errno, fmt::format("set the owner and mode of '{}'", path_));
    }
    if (::listen(listener_.get(), kBacklog) != 0) return ErrnoStatus(errno, fmt::format("listen on '{}'", path_));
    acceptor_ = std::thread([this] { Accept(); });
    return Status();
  }

  const std::string& path() const { return path_; }
  Status trouble() const {
    const std::lock_guard lock(mutex_);
    return trouble_;
  }

 private:
  struct Program {
    std::thread thread;
    std::atomic<bool> done = false;
  };

  void Accept() {
    const CancelFd cancel(ctx_);
    while (!ctx_.Done()) {
      std::array<pollfd, 2> polled = {{{listener_.get(), POLLIN, 0}, {cancel.get(), POLLIN, 0}}};
      if (::poll(polled.data(), polled.size(), PollTimeout(ctx_)) <= 0 || polled[0].revents == 0) continue;
      UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      Reap();
      // One program too many sees its connection end.
      if (!connection.valid() || programs_.size() >= kMostPrograms) continue;
      Program& program = programs_.emplace_back();
      program.thread = std::thread([this, &program, fd = std::make_shared<UniqueFd>(std::move(connection))] {
        Serve(fd->get());
        fd->Reset();
        program.done = true;
      });
    }
  }

  void Reap() {
    for (auto it = programs_.begin(); it != programs_.end();) {
      if (!it->done) {
        ++it;
        continue;
      }
      it->thread.join();
      it = programs_.erase(it);
    }
  }

  // Until the program hangs up or says something that is no request.
  void Serve(int fd) {
    while (true) {
      const Result<std::string> request = ReadAgentMessage(ctx_, fd);
      if (!request.ok() || request->empty()) return;
      std::string answer = AgentFailure();
      if (IsAgentUse(*request)) {
        Result<std::string> given = channel_->Ask(ctx_, options_.id, *request);
        if (given.ok()) {
          answer = *std::move(given);
        } else if (!ctx_.Done()) {
          const std::lock_guard lock(mutex_);
          if (trouble_.ok()) trouble_ = std::move(given).status();
        }
      }
      if (!WriteAgentMessage(ctx_, fd, answer).ok()) return;
    }
  }

  const std::string path_;
  const Options options_;
  const std::shared_ptr<AgentChannel> channel_;
  const Context ctx_;
  UniqueFd listener_;
  std::thread acceptor_;
  std::list<Program> programs_;  // of the acceptor's thread, and of the destructor once that has ended
  mutable std::mutex mutex_;
  Status trouble_;  // guarded by mutex_
};

AgentSocket::AgentSocket(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AgentSocket::~AgentSocket() = default;

const std::string& AgentSocket::path() const { return impl_->path(); }
Status AgentSocket::trouble() const { return impl_->trouble(); }

Result<std::unique_ptr<AgentSocket>> AgentSocket::Listen(const Context& ctx, const std::string& path, Options options,
                                                         std::shared_ptr<AgentChannel> channel) {
  auto impl = std::make_unique<Impl>(ctx, path, std::move(options), std::move(channel));
  SLIPWAY_RETURN_IF_ERROR(impl->Open());
  return std::unique_ptr<AgentSocket>(new AgentSocket(std::move(impl)));
}

Status ProbeAgent(const Context& ctx, AgentChannel& channel, const std::string& id) {
  constexpr char kRequestIdentities = 11;
  return channel.Ask(ctx, id, std::string(1, kRequestIdentities)).status();
}

}  // namespace slipway::ops
