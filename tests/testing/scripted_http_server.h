// ScriptedHttpServer: an HTTP/1.1 server on loopback whose answers, and faults, a test writes down.
//
// The handler is called from one thread for each connection, at the same time; it guards what it shares. The destructor
// closes all connections and joins.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "executor/base/unique_fd.h"
#include "executor/http/transport.h"

namespace slipway::testing {

struct ScriptedRequest {
  std::string method;
  std::string target;  ///< path and query as sent
  http::Headers headers;
  std::string body;
  size_t index = 0;   ///< how many requests came to this server before
  bool whole = true;  ///< false: cut off by the Interrupter, the body is what came until then

  /// "GET /path?query".
  std::string Line() const { return method + " " + target; }
};

struct ScriptedReply {
  int status = 200;
  http::Headers headers;  ///< Content-Length is added
  std::string body;
  /// Closes the connection after so many bytes of the body. 0 is right after the header.
  std::optional<size_t> drop_after{};
  /// Closes the connection without an answer.
  bool drop = false;
  /// Sent as it is instead of all the above, then the connection is closed.
  std::string raw{};
};

class ScriptedHttpServer {
 public:
  using Handler = std::function<ScriptedReply(const ScriptedRequest&)>;
  /// Asked once a request's header is there: after how many bytes of its body to close the connection, or to answer
  /// (`answer`) without reading on. The handler is called either way.
  struct Interruption {
    size_t after = 0;
    bool answer = false;
  };
  using Interrupter = std::function<std::optional<Interruption>(const ScriptedRequest&)>;

  explicit ScriptedHttpServer(Handler handler, Interrupter interrupter = nullptr);
  ~ScriptedHttpServer();
  ScriptedHttpServer(const ScriptedHttpServer&) = delete;
  ScriptedHttpServer& operator=(const ScriptedHttpServer&) = delete;

  uint16_t port() const { return port_; }
  /// "127.0.0.1:port".
  std::string host() const;
  /// "http://127.0.0.1:port" + path.
  std::string Url(const std::string& path = "") const { return "http://" + host() + path; }

  /// What came so far, in order of arrival.
  std::vector<ScriptedRequest> requests() const;
  /// Their lines.
  std::vector<std::string> lines() const;
  /// Connections accepted so far.
  size_t connections() const { return connections_; }

 private:
  class Connection;
  void Accept();
  void Serve(int fd);
  bool ServeOne(Connection& connection);

  const Handler handler_;
  const Interrupter interrupter_;
  UniqueFd listener_;
  uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<size_t> connections_ = 0;

  mutable std::mutex mutex_;
  std::vector<ScriptedRequest> requests_;  // guarded by mutex_
  size_t arrived_ = 0;                     // guarded by mutex_
  std::vector<int> open_;                  // guarded by mutex_
  std::vector<std::thread> threads_;       // guarded by mutex_
  std::thread acceptor_;
};

}  // namespace slipway::testing
