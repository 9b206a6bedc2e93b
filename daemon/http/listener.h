// Listener: the HTTP server for webhooks, metrics and pages, on libmicrohttpd.
//
// It meets strangers: bodies (each, and all together), headers, connections and the time that a request may take are
// bounded, and a client that sends slowly or says nothing gets 408 and is cut off (SlowClients). A handler runs in one
// of a few threads and must not wait for anything. Life: Start; the destructor ends the calls that are under way.
// Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "daemon/http/router.h"
#include "executor/base/status.h"

namespace slipway::web {

struct ListenerOptions {
  std::string host = "127.0.0.1";  ///< address or name to listen on
  int port = 0;                    ///< 0: any free one
  unsigned threads = 2;
  unsigned max_connections = 1000;
  unsigned max_connections_per_address = 200;
  uint64_t max_body_memory = 64U << 20;      ///< of all requests together; who would take more gets 503
  std::chrono::seconds idle_timeout{10};     ///< for a header, and for a connection on which nothing moves
  std::chrono::seconds request_timeout{30};  ///< from a request's header to the end of its body
};

class Listener {
 public:
  /// ALREADY_EXISTS if the address is in use.
  static Result<std::unique_ptr<Listener>> Start(ListenerOptions options, Router router);
  virtual ~Listener() = default;

  virtual int port() const = 0;
};

}  // namespace slipway::web
