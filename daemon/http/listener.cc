#include "daemon/http/listener.h"

#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstdarg>
#include <string_view>

#include "daemon/http/body_budget.h"
#include "daemon/http/slow_clients.h"
#include "executor/base/ascii.h"
#include "executor/base/log.h"
#include "executor/base/unique_fd.h"

namespace slipway::web {

namespace {

constexpr size_t kHeaderMemory = 32U << 10;
constexpr int kBacklog = 512;
constexpr const char* kRetryAfter = "30";  // seconds; by then a request has ended in one way or another

struct AddressesFree {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

Result<UniqueFd> Bind(const ListenerOptions& options) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(options.port);
  const std::string what = fmt::format("listen for HTTP on '{}:{}'", options.host, port);
  if (const int error = ::getaddrinfo(options.host.c_str(), port.c_str(), &hints, &found); error != 0) {
    return InvalidArgument("{}: {}", what, ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, AddressesFree> addresses(found);
  int last_error = EADDRNOTAVAIL;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    UniqueFd fd(::socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol));
    const int on = 1;
    if (fd.valid() && ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        ::bind(fd.get(), at->ai_addr, at->ai_addrlen) == 0 && ::listen(fd.get(), kBacklog) == 0) {
      return fd;
    }
    last_error = errno;
  }
  if (last_error == EADDRINUSE) return AlreadyExists("{}: another program uses this address", what);
  return ErrnoStatus(last_error, what);
}

Result<int> PortOf(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return ErrnoStatus(errno, "getsockname");
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port
                                             : reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

// One request on its way in.
struct Exchange {
  explicit Exchange(BodyBudget& budget) : share(budget) {}

  Request request;
  Router::Match match;
  BodyBudget::Share share;  // for the body
  uint64_t taken = 0;       // bytes of the body that have come
  bool refused = false;     // answered before its body was read
  bool overloaded = false;  // there was no room for its body, which is not kept

  void DropBody() {
    request.body = std::string();
    share.Release();
  }
};

// Appends to the body if there is room. What its memory takes is counted rather than what is in it, or announced.
bool Keep(std::string_view bytes, Exchange* exchange) {
  std::string& body = exchange->request.body;
  const size_t size = body.size() + bytes.size();
  if (size > body.capacity()) {
    const size_t room = std::max(size, 2 * body.capacity());
    if (!exchange->share.GrowTo(room)) return false;
    body.reserve(room);
  }
  body.append(bytes);
  return true;
}

Response Overloaded() {
  Response out = TextResponse(503, "too many large requests are under way; send it again later");
  out.headers.emplace_back("Retry-After", kRetryAfter);
  return out;
}

MHD_Result Answer(MHD_Connection* connection, const Response& response) {
  MHD_Response* out = MHD_create_response_from_buffer(response.body.size(), const_cast<char*>(response.body.data()),
                                                      MHD_RESPMEM_MUST_COPY);
  if (out == nullptr) return MHD_NO;
  MHD_add_response_header(out, "Content-Type", response.content_type.c_str());
  MHD_add_response_header(out, "X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers) MHD_add_response_header(out, name.c_str(), value.c_str());
  const MHD_Result result = MHD_queue_response(connection, static_cast<unsigned>(response.status), out);
  MHD_destroy_response(out);
  return result;
}

MHD_Result KeepHeader(void* to, MHD_ValueKind, const char* key, const char* value) {
  std::string name = LowerAscii(key);
  static_cast<std::map<std::string, std::string>*>(to)->emplace(std::move(name), value == nullptr ? "" : value);
  return MHD_YES;
}

MHD_Result KeepQuery(void* to, MHD_ValueKind, const char* key, const char* value) {
  static_cast<std::map<std::string, std::string>*>(to)->emplace(key, value == nullptr ? "" : value);
  return MHD_YES;
}

class ListenerImpl : public Listener {
 public:
  ListenerImpl(ListenerOptions options, Router router)
      : options_(std::move(options)),
        router_(std::move(router)),
        budget_(options_.max_body_memory),
        slow_({.idle = options_.idle_timeout, .request = options_.request_timeout}) {}
  ~ListenerImpl() override {
    if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
  }

  Status Start() {
    SLIPWAY_ASSIGN_OR_RETURN(UniqueFd socket, Bind(options_));
    SLIPWAY_ASSIGN_OR_RETURN(port_, PortOf(socket.get()));
    const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG;
    daemon_ = MHD_start_daemon(
        flags, 0, nullptr, nullptr, &ListenerImpl::OnRequest, this, MHD_OPTION_EXTERNAL_LOGGER, &ListenerImpl::OnLog,
        this, MHD_OPTION_LISTEN_SOCKET, socket.get(), MHD_OPTION_NOTIFY_COMPLETED, &ListenerImpl::OnCompleted, this,
        MHD_OPTION_NOTIFY_CONNECTION, &ListenerImpl::OnConnection, this, MHD_OPTION_URI_LOG_CALLBACK,
        &ListenerImpl::OnFirstLine, this, MHD_OPTION_CONNECTION_TIMEOUT, NetTimeout(), MHD_OPTION_CONNECTION_LIMIT,
        options_.max_connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT, options_.max_connections_per_address,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, kHeaderMemory, MHD_OPTION_THREAD_POOL_SIZE, options_.threads,
        MHD_OPTION_END);
    if (daemon_ == nullptr) return Internal("listen for HTTP on port {}: the server did not start", port_);
    socket.Release();  // the server closes it
    return Status();
  }

  int port() const override { return port_; }

 private:
  // Of the library's own: for clients that do not take their answers. The others meet SlowClients before.
  unsigned NetTimeout() const {
    return static_cast<unsigned>((options_.idle_timeout + options_.request_timeout).count());
  }

  // What is wrong with a request before its body was read; status 0 if nothing.
  Response Refusal(const Exchange& exchange, bool* close) const {
    const Router::Match& match = exchange.match;
    if (match.handler == nullptr && match.allow.empty()) return TextResponse(404, "there is nothing here");
    if (match.handler == nullptr) {
      Response out = TextResponse(405, "this address takes: " + match.allow);
      out.headers.emplace_back("Allow", match.allow);
      return out;
    }
    uint64_t announced = 0;
    const std::string_view length = exchange.request.header("Content-Length");
    std::from_chars(length.data(), length.data() + length.size(), announced);
    if (announced > match.max_body_bytes) {
      *close = true;
      return TextResponse(413, fmt::format("a body may have {} bytes at most", match.max_body_bytes));
    }
    if (match.check != nullptr) {
      if (std::optional<Response> unfit = (*match.check)(exchange.request)) return *std::move(unfit);
    }
    Response none;
    none.status = 0;
    return none;
  }

  MHD_Result Begin(MHD_Connection* connection, const char* method, const char* url, void** state) {
    auto exchange = std::make_unique<Exchange>(budget_);
    exchange->request.method = method;
    exchange->request.path = url;
    MHD_get_connection_values(connection, MHD_HEADER_KIND, &KeepHeader, &exchange->request.headers);
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, &KeepQuery, &exchange->request.query);
    exchange->match = router_.Find(method, url);
    exchange->request.params = exchange->match.params;
    bool close = false;
    Response refusal = Refusal(*exchange, &close);
    *state = exchange.release();
    if (refusal.status == 0) {
      slow_.ExpectBody(SocketOf(connection));
      return MHD_YES;
    }
    slow_.Complete(SocketOf(connection));
    static_cast<Exchange*>(*state)->refused = true;
    if (close) refusal.headers.emplace_back("Connection", "close");
    return Answer(connection, refusal);
  }

  // Takes bytes of the body. False: the connection must end.
  bool Take(MHD_Connection* connection, Exchange& exchange, std::string_view bytes) {
    if (exchange.refused) return true;
    slow_.Moved(SocketOf(connection));
    exchange.taken += bytes.size();
    if (exchange.taken > exchange.match.max_body_bytes) return false;
    // The library takes no answer before the body has come; until then it is read and dropped.
    if (!exchange.overloaded && !Keep(bytes, &exchange)) {
      exchange.overloaded = true;
      exchange.DropBody();
    }
    return true;
  }

  static MHD_Result OnRequest(void* self, MHD_Connection* connection, const char* url, const char* method, const char*,
                              const char* bytes, size_t* size, void** state) {
    auto* listener = static_cast<ListenerImpl*>(self);
    if (*state == nullptr) return listener->Begin(connection, method, url, state);
    auto& exchange = *static_cast<Exchange*>(*state);
    if (*size > 0) {
      const bool taken = listener->Take(connection, exchange, {bytes, *size});
      *size = 0;
      return taken ? MHD_YES : MHD_NO;
    }
    if (exchange.refused) return MHD_YES;
    listener->slow_.Complete(SocketOf(connection));
    const Response response = exchange.overloaded ? Overloaded() : (*exchange.match.handler)(exchange.request);
    exchange.DropBody();  // a client may be slow to take its answer
    return Answer(connection, response);
  }

  static void OnCompleted(void* self, MHD_Connection* connection, void** state, MHD_RequestTerminationCode) {
    delete static_cast<Exchange*>(*state);
    *state = nullptr;
    static_cast<ListenerImpl*>(self)->slow_.Rest(SocketOf(connection));
  }

  // The library tells of the end before it closes the socket.
  static void OnConnection(void* self, MHD_Connection* connection, void**, MHD_ConnectionNotificationCode what) {
    SlowClients& slow = static_cast<ListenerImpl*>(self)->slow_;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) slow.ExpectHeader(SocketOf(connection));
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) slow.Forget(SocketOf(connection));
  }

  static void* OnFirstLine(void* self, const char*, MHD_Connection* connection) {
    static_cast<ListenerImpl*>(self)->slow_.ExpectHeader(SocketOf(connection));
    return nullptr;
  }

  static int SocketOf(MHD_Connection* connection) {
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
  }

  static void OnLog(void*, const char* format, va_list arguments) {
    char text[512];
    const int size = std::vsnprintf(text, sizeof(text), format, arguments);
    std::string_view line(text, size < 0 ? 0 : std::min<size_t>(static_cast<size_t>(size), sizeof(text) - 1));
    while (line.ends_with('\n')) line.remove_suffix(1);
    spdlog::debug("http: {}", line);
  }

  const ListenerOptions options_;
  const Router router_;
  BodyBudget budget_;  // outlives the server, as the next does
  SlowClients slow_;
  MHD_Daemon* daemon_ = nullptr;
  int port_ = 0;
};

}  // namespace

Result<std::unique_ptr<Listener>> Listener::Start(ListenerOptions options, Router router) {
  auto listener = std::make_unique<ListenerImpl>(std::move(options), std::move(router));
  SLIPWAY_RETURN_IF_ERROR(listener->Start());
  return std::unique_ptr<Listener>(std::move(listener));
}

}  // namespace slipway::web
