#include "tests/testing/scripted_http_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace slipway::testing {

// Buffered reading of one connection.
class ScriptedHttpServer::Connection {
 public:
  explicit Connection(int fd) : fd_(fd) {}

  std::optional<std::string> Line() {
    while (true) {
      const size_t end = buffer_.find("\r\n");
      if (end != std::string::npos) {
        std::string line = buffer_.substr(0, end);
        buffer_.erase(0, end + 2);
        return line;
      }
      if (buffer_.size() > 64 * 1024 || !Fill()) return std::nullopt;
    }
  }

  // Whether a TLS hello comes instead of a request.
  bool SpeaksTls() {
    constexpr char kHandshake = 0x16;
    return (!buffer_.empty() || Fill()) && buffer_[0] == kHandshake;
  }

  // Appends `count` bytes to `out`, at most up to `limit` bytes of it; false at the end of the connection.
  bool Read(size_t count, size_t limit, std::string& out) {
    while (count > 0 && out.size() < limit) {
      if (buffer_.empty() && !Fill()) return false;
      const size_t n = std::min({count, buffer_.size(), limit - out.size()});
      out.append(buffer_, 0, n);
      buffer_.erase(0, n);
      count -= n;
    }
    return true;
  }

  bool Write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }

 private:
  bool Fill() {
    char chunk[65536];
    const ssize_t n = ::recv(fd_, chunk, sizeof(chunk), 0);
    if (n <= 0) return false;
    buffer_.append(chunk, static_cast<size_t>(n));
    return true;
  }

  int fd_;
  std::string buffer_;
};

namespace {

std::optional<ScriptedRequest> ParseHead(const std::string& line) {
  ScriptedRequest request;
  const size_t first = line.find(' ');
  const size_t second = line.find(' ', first + 1);
  if (first == std::string::npos || second == std::string::npos) return std::nullopt;
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, second - first - 1);
  return request;
}

}  // namespace

ScriptedHttpServer::ScriptedHttpServer(Handler handler, Interrupter interrupter)
    : handler_(std::move(handler)), interrupter_(std::move(interrupter)) {
  listener_.Reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_.get(), 64) != 0 ||
      ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("the scripted server cannot listen");
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

ScriptedHttpServer::~ScriptedHttpServer() {
  stopping_ = true;
  ::shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  std::vector<std::thread> threads;
  {
    std::lock_guard lock(mutex_);
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    threads.swap(threads_);
  }
  for (std::thread& thread : threads) thread.join();
}

std::string ScriptedHttpServer::host() const { return fmt::format("127.0.0.1:{}", port_); }

std::vector<ScriptedRequest> ScriptedHttpServer::requests() const {
  std::lock_guard lock(mutex_);
  return requests_;
}

std::vector<std::string> ScriptedHttpServer::lines() const {
  std::vector<std::string> out;
  for (const ScriptedRequest& request : requests()) out.push_back(request.Line());
  return out;
}

void ScriptedHttpServer::Accept() {
  while (!stopping_) {
    const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    ++connections_;
    std::lock_guard lock(mutex_);
    open_.push_back(fd);
    threads_.emplace_back([this, fd] { Serve(fd); });
  }
}

void ScriptedHttpServer::Serve(int fd) {
  Connection connection(fd);
  while (!stopping_ && ServeOne(connection)) {
  }
  std::lock_guard lock(mutex_);
  std::erase(open_, fd);
  ::close(fd);
}

bool ScriptedHttpServer::ServeOne(Connection& connection) {
  if (connection.SpeaksTls()) return false;
  const auto first = connection.Line();
  if (!first) return false;
  auto request = ParseHead(*first);
  if (!request) return false;
  while (true) {
    const auto line = connection.Line();
    if (!line) return false;
    if (line->empty()) break;
    const size_t colon = std::min(line->find(':'), line->size());
    const size_t value = std::min(line->find_first_not_of(' ', colon + 1), line->size());
    request->headers.Add(line->substr(0, colon), line->substr(value));
  }
  {
    std::lock_guard lock(mutex_);
    request->index = arrived_++;
  }
  const auto interruption = interrupter_ ? interrupter_(*request) : std::nullopt;
  const size_t limit = interruption ? interruption->after : SIZE_MAX;
  bool whole = true;
  if (request->headers.Get("Transfer-Encoding") == "chunked") {
    while (whole) {
      const auto line = connection.Line();
      if (!line) whole = false;
      if (!whole) break;
      const size_t size = std::strtoul(line->c_str(), nullptr, 16);
      const size_t before = request->body.size();
      whole = connection.Read(size, limit, request->body) && request->body.size() - before == size;
      if (!whole || !connection.Line()) break;
      if (size == 0) break;
    }
  } else {
    const size_t size = request->headers.GetNumber("Content-Length").value_or(0);
    whole = connection.Read(size, limit, request->body) && request->body.size() == size;
  }
  request->whole = whole;
  {
    std::lock_guard lock(mutex_);
    requests_.push_back(*request);
  }
  if (!whole && !interruption) return false;

  const ScriptedReply reply = handler_(*request);
  if (reply.drop || (interruption && !interruption->answer)) return false;
  if (!reply.raw.empty()) {
    connection.Write(reply.raw);
    return false;
  }
  std::string head = fmt::format("HTTP/1.1 {} Scripted\r\n", reply.status);
  for (const auto& [name, value] : reply.headers.fields()) head += fmt::format("{}: {}\r\n", name, value);
  if (!reply.headers.Has("Content-Length") && reply.status != 204) {
    head += fmt::format("Content-Length: {}\r\n", reply.body.size());
  }
  head += "\r\n";
  if (request->method != "HEAD") head += reply.body.substr(0, reply.drop_after.value_or(reply.body.size()));
  return connection.Write(head) && !reply.drop_after && !interruption;
}

}  // namespace slipway::testing
