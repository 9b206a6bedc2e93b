// Git over a pair of descriptors: OpenSSH's client as a child process, or a TCP connection to a git daemon.
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <map>

#include "executor/base/cancel_fd.h"
#include "executor/base/fs.h"
#include "executor/base/process.h"
#include "executor/source/git_connection.h"

namespace slipway::source {

namespace {
using SteadyTime = std::chrono::steady_clock::time_point;
constexpr auto kSilence = std::chrono::minutes(2);
constexpr auto kConnectTimeout = std::chrono::seconds(15);
constexpr size_t kMostStderr = 8192;

Status SetNonBlocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return ErrnoStatus(errno, "fcntl");
  return {};
}

class PipeConnection : public GitConnection {
 public:
  explicit PipeConnection(std::string remote) : remote_(std::move(remote)) {}

  Status Fetch(const Context& ctx, const std::string& request, const http::Sink& sink) override {
    return Pump(ctx, request, sink, [] { return false; });
  }

 protected:
  Status ReadAdvertisement(const Context& ctx, std::string_view greeting) {
    AdvertisementReader reader;
    const Status status = Pump(
        ctx, greeting, [&](std::string_view bytes) { return reader.Feed(bytes); }, [&] { return reader.done(); });
    if (!status.ok()) return Status(status).With(fmt::format("'{}'", remote_));
    if (!reader.done()) return WhyClosed(ctx);
    server_ = std::make_shared<const Advertisement>(reader.Take());
    return {};
  }

  /// Why the other side hung up before it said anything.
  virtual Status WhyClosed(const Context& ctx) = 0;
  virtual void OnStderr(std::string_view) {}

  // Writes `out` and reads until the peer ends the stream or `enough` holds.
  Status Pump(const Context& ctx, std::string_view out, const http::Sink& sink, const std::function<bool()>& enough) {
    const CancelFd cancel(ctx);
    std::string buffer(64U << 10, '\0');
    SteadyTime until = std::chrono::steady_clock::now() + kSilence;
    while (!enough()) {
      SLIPWAY_RETURN_IF_ERROR(ctx.Err());
      std::array<pollfd, 4> polled = {{{read_.get(), POLLIN, 0},
                                       {out.empty() ? -1 : write_fd(), POLLOUT, 0},
                                       {stderr_.valid() ? stderr_.get() : -1, POLLIN, 0},
                                       {cancel.get(), POLLIN, 0}}};
      const int ready = ::poll(polled.data(), polled.size(), PollTimeout(ctx, until));
      if (ready < 0 && errno != EINTR) return ErrnoStatus(errno, "poll");
      if (ready <= 0) {
        if (std::chrono::steady_clock::now() >= until) return Unavailable("the server has been silent for two minutes");
        continue;
      }
      until = std::chrono::steady_clock::now() + kSilence;
      if (polled[1].revents != 0) SLIPWAY_RETURN_IF_ERROR(WriteSome(&out));
      if (polled[2].revents != 0) DrainStderr(&buffer);
      if (polled[0].revents == 0) continue;
      const ssize_t got = ::read(read_.get(), buffer.data(), buffer.size());
      if (got == 0) return {};
      if (got < 0 && errno != EAGAIN && errno != EINTR)
        return Unavailable("the connection broke: {}", ErrnoStatus(errno, "read").message());
      if (got > 0) SLIPWAY_RETURN_IF_ERROR(sink(std::string_view(buffer).substr(0, static_cast<size_t>(got))));
    }
    return {};
  }

  UniqueFd read_;
  UniqueFd write_;  // not valid: `read_` is a socket
  UniqueFd stderr_;
  std::string remote_;

 private:
  int write_fd() const { return write_.valid() ? write_.get() : read_.get(); }

  Status WriteSome(std::string_view* out) {
    const ssize_t done = ::write(write_fd(), out->data(), out->size());
    if (done > 0) out->remove_prefix(static_cast<size_t>(done));
    // A peer that is gone shows in what it said before: reading goes on.
    if (done < 0 && errno == EPIPE) *out = {};
    if (done < 0 && errno != EAGAIN && errno != EINTR && errno != EPIPE) return Unavailable("the connection broke");
    return {};
  }

  void DrainStderr(std::string* buffer) {
    const ssize_t got = ::read(stderr_.get(), buffer->data(), buffer->size());
    if (got > 0) OnStderr(std::string_view(*buffer).substr(0, static_cast<size_t>(got)));
    if (got == 0) stderr_.Reset();
  }
};

class SshConnection : public PipeConnection {
 public:
  SshConnection(SshOptions options, GitUrl url, GitCredentials who)
      : PipeConnection(url.Remote()), options_(std::move(options)), url_(std::move(url)), who_(std::move(who)) {}

  Status Connect(const Context& ctx) {
    SLIPWAY_RETURN_IF_ERROR(Spawn());
    return ReadAdvertisement(ctx, {});
  }

 private:
  Status Spawn() {
    std::array<std::array<int, 2>, 3> pipes{};
    std::array<UniqueFd, 3> theirs;
    std::array<UniqueFd*, 3> ours = {&write_, &read_, &stderr_};
    for (size_t i = 0; i < pipes.size(); ++i) {
      if (::pipe2(pipes[i].data(), O_CLOEXEC) != 0) return ErrnoStatus(errno, "pipe");
      const size_t mine = i == 0 ? 1 : 0;
      ours[i]->Reset(pipes[i][mine]);
      theirs[i].Reset(pipes[i][1 - mine]);
      SLIPWAY_RETURN_IF_ERROR(SetNonBlocking(ours[i]->get()));
    }
    SpawnOptions spawn{.argv = Arguments(), .env = Environment()};
    spawn.stdin_fd = theirs[0].get();
    spawn.stdout_fd = theirs[1].get();
    spawn.stderr_fd = theirs[2].get();
    Result<ChildProcess> child = ChildProcess::Spawn(spawn);
    if (child.code() == Code::kNotFound) {
      return FailedPrecondition(
          "'{}': the program '{}' is not installed here; repositories over SSH need OpenSSH's client", remote_,
          options_.program);
    }
    if (!child.ok()) return std::move(child).status();
    child_ = std::move(child).value();
    return {};
  }

  // No configuration of the service's user takes part: what may be used is said here, and nobody is asked anything.
  std::vector<std::string> Arguments() const {
    std::vector<std::string> argv = {options_.program, "-F", "/dev/null", "-T", "-x", "-a"};
    const auto option = [&argv](std::string text) {
      argv.emplace_back("-o");
      argv.push_back(std::move(text));
    };
    option("BatchMode=yes");
    option("PermitLocalCommand=no");
    option("ClearAllForwardings=yes");
    option("ConnectTimeout=15");
    option("ServerAliveInterval=30");
    option("LogLevel=ERROR");
    option(fmt::format("StrictHostKeyChecking={}", options_.accept_new ? "accept-new" : "yes"));
    option(PathOption("UserKnownHostsFile", options_.known_hosts));
    option("GlobalKnownHostsFile=/dev/null");
    option("PreferredAuthentications=publickey");
    if (who_.ssh_key.empty()) {
      option("IdentityFile=none");
    } else {
      option("IdentitiesOnly=yes");
      option(PathOption("IdentityFile", who_.ssh_key));
    }
    option(who_.ssh_agent.empty() ? std::string("IdentityAgent=none") : PathOption("IdentityAgent", who_.ssh_agent));
    if (url_.port != 0) {
      argv.emplace_back("-p");
      argv.push_back(std::to_string(url_.port));
    }
    const std::string host = url_.host.starts_with('[') ? url_.host.substr(1, url_.host.size() - 2) : url_.host;
    argv.emplace_back("--");
    argv.push_back(url_.user.empty() ? host : fmt::format("{}@{}", url_.user, host));
    argv.push_back(fmt::format("git-upload-pack {}", Quote(HomePath())));
    return argv;
  }

  // An option's value is read as in a configuration file: quoted, with % for what ssh knows.
  static std::string PathOption(std::string_view name, std::string_view path) {
    std::string out = fmt::format("{}=\"", name);
    for (const char c : path) {
      if (c == '"' || c == '\\') out.push_back('\\');
      if (c == '%') out.push_back('%');
      out.push_back(c);
    }
    return out + "\"";
  }

  // "ssh://host/~user/x" names a home folder, as git has it.
  std::string HomePath() const { return url_.path.starts_with("/~") ? url_.path.substr(1) : url_.path; }

  // For the shell at the other end.
  static std::string Quote(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
      if (c == '\'' || c == '!') {
        out += fmt::format("'\\{}'", c);
      } else {
        out.push_back(c);
      }
    }
    return out + "'";
  }

  static std::map<std::string, std::string> Environment() {
    std::map<std::string, std::string> env = {{"LC_ALL", "C"}};
    for (const char* name : {"PATH", "HOME"}) {
      if (const char* value = std::getenv(name)) env.emplace(name, value);
    }
    return env;
  }

  void OnStderr(std::string_view text) override {
    said_.append(text.substr(0, kMostStderr - std::min(kMostStderr, said_.size())));
  }

  Status WhyClosed(const Context& ctx) override {
    // What is left in the pipe is read to its end: the child is about to exit, or is killed at the deadline.
    std::swap(read_, stderr_);
    stderr_.Reset();
    const Context short_wait = ctx.WithTimeout(std::chrono::seconds(5), "ssh");
    const auto keep = [this](std::string_view text) {
      OnStderr(text);
      return Status();
    };
    if (read_.valid()) Pump(short_wait, {}, keep, [] { return false; }).Ignore();
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    return Classify();
  }

  Status Classify() const {
    const auto has = [this](std::string_view what) { return said_.find(what) != std::string::npos; };
    if (has("IDENTIFICATION HAS CHANGED")) {
      return FailedPrecondition(
          "'{}': the host's key is not the one that is recorded in '{}'. Someone may be in between; if the host really "
          "has a new "
          "key, remove the old one there",
          remote_, options_.known_hosts);
    }
    if (has("Host key verification failed") || has("host key is known")) {
      return FailedPrecondition("'{}': the host's key is not known; add it to '{}' (ssh-keyscan {})", remote_,
                                options_.known_hosts, url_.host);
    }
    if (has("UNPROTECTED PRIVATE KEY") || has("Load key")) {
      return FailedPrecondition("'{}': the key '{}' cannot be used: {}", remote_, who_.ssh_key, RemoteText(said_));
    }
    if (has("Permission denied") || has("Too many authentication failures")) {
      return who_.any()
                 ? Unauthenticated("'{}': the host refuses the key", remote_)
                 : Unauthenticated("'{}': the host asks for a key, and none is given; name a private key or an agent",
                                   remote_);
    }
    if (has("Could not resolve hostname")) return NotFound("'{}': the host '{}' is unknown", remote_, url_.host);
    for (const std::string_view what :
         {"Connection refused", "timed out", "No route to host", "unreachable", "Connection reset"}) {
      if (has(what))
        return Unavailable("'{}': the host '{}' cannot be reached: {}", remote_, url_.host, RemoteText(said_));
    }
    for (const std::string_view what :
         {"does not appear to be a git repository", "not found", "does not exist", "Could not read from"}) {
      if (has(what))
        return NotFound("there is no repository '{}', or this key may not see it: {}", remote_, RemoteText(said_));
    }
    return Unavailable("'{}': the connection ended: {}", remote_,
                       said_.empty() ? "the host gives no reason" : RemoteText(said_));
  }

  SshOptions options_;
  GitUrl url_;
  GitCredentials who_;
  std::string said_;
  ChildProcess child_;
};

class TcpConnection : public PipeConnection {
 public:
  explicit TcpConnection(GitUrl url) : PipeConnection(url.Remote()), url_(std::move(url)) {}

  Status Connect(const Context& ctx) {
    SLIPWAY_RETURN_IF_ERROR(OpenSocket(ctx));
    const std::string host = url_.port == 0 ? url_.host : fmt::format("{}:{}", url_.host, url_.port);
    std::string greeting = fmt::format("git-upload-pack {}", url_.path);
    greeting.push_back('\0');
    greeting += "host=" + host;
    greeting.push_back('\0');
    return ReadAdvertisement(ctx, Packet(greeting));
  }

 private:
  Status OpenSocket(const Context& ctx) {
    const std::string host = url_.host.starts_with('[') ? url_.host.substr(1, url_.host.size() - 2) : url_.host;
    const std::string port = std::to_string(url_.port == 0 ? 9418 : url_.port);
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    if (const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &list); error != 0) {
      const Code code = error == EAI_NONAME ? Code::kNotFound : Code::kUnavailable;
      return Status(code, fmt::format("'{}': the host '{}' is unknown: {}", remote_, url_.host, ::gai_strerror(error)));
    }
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, ::freeaddrinfo);
    Status last = Unavailable("'{}': the host has no address", remote_);
    for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
      last = ConnectTo(ctx, *at);
      if (last.ok()) return last;
      SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    }
    return last;
  }

  Status ConnectTo(const Context& ctx, const addrinfo& address) {
    UniqueFd fd(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.valid()) return ErrnoStatus(errno, "socket");
    const CancelFd cancel(ctx);
    int error = ::connect(fd.get(), address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      std::array<pollfd, 2> polled = {{{fd.get(), POLLOUT, 0}, {cancel.get(), POLLIN, 0}}};
      const auto until = std::chrono::steady_clock::now() + kConnectTimeout;
      const int ready = ::poll(polled.data(), polled.size(), PollTimeout(ctx, until));
      SLIPWAY_RETURN_IF_ERROR(ctx.Err());
      socklen_t size = sizeof(error);
      if (ready <= 0 || ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = ETIMEDOUT;
    }
    if (error != 0) {
      return Unavailable("'{}': {}", remote_,
                         ErrnoStatus(error, fmt::format("the host '{}' cannot be reached", url_.host)).message());
    }
    read_ = std::move(fd);
    return {};
  }

  // A git daemon closes the connection without a word for what it does not export.
  Status WhyClosed(const Context&) override {
    return NotFound("there is no repository '{}' that the server exports", remote_);
  }

  GitUrl url_;
};
}  // namespace

Result<std::unique_ptr<GitConnection>> ConnectSsh(const Context& ctx, const SshOptions& options, const GitUrl& url,
                                                  const GitCredentials& who) {
  auto connection = std::make_unique<SshConnection>(options, url, who);
  SLIPWAY_RETURN_IF_ERROR(connection->Connect(ctx));
  return std::unique_ptr<GitConnection>(std::move(connection));
}

Result<std::unique_ptr<GitConnection>> ConnectGitProtocol(const Context& ctx, const GitUrl& url) {
  auto connection = std::make_unique<TcpConnection>(url);
  SLIPWAY_RETURN_IF_ERROR(connection->Connect(ctx));
  return std::unique_ptr<GitConnection>(std::move(connection));
}

}  // namespace slipway::source
