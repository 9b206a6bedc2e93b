#include "executor/http/curl_exchange.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "executor/base/caught.h"
#include "executor/http/base64.h"
#include "executor/http/curl_error.h"

namespace slipway::http {

namespace {
constexpr size_t kMostHeaderBytes = 256U << 10;
constexpr size_t kMostErrorBody = 64U << 10;
constexpr long kReceiveBuffer = 256L << 10;
constexpr long kSendBuffer = 512L << 10;
constexpr std::chrono::milliseconds kLongestPoll{10'000};

std::string_view Trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

bool GoodHeader(std::string_view name, std::string_view value) {
  const auto bad_in_name = [](unsigned char c) { return c <= 0x20 || c >= 0x7f || c == ':'; };
  const auto bad_in_value = [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; };
  return !name.empty() && std::none_of(name.begin(), name.end(), bad_in_name) &&
         std::none_of(value.begin(), value.end(), bad_in_value);
}

bool HasBody(std::string_view method) { return method == "POST" || method == "PUT" || method == "PATCH"; }

// A connection that is kept is not looked at again. One to where the caller wanted must not serve whom a redirect leads
// there.
std::string PoolKey(const Url& url, const std::optional<Nearness>& led_from) {
  return led_from ? fmt::format("{} from {}", url.Origin(), Describe(*led_from)) : url.Origin();
}

uint16_t PortOf(const sockaddr& address) {
  if (address.sa_family != AF_INET && address.sa_family != AF_INET6) return 0;
  sockaddr_in either{};  // both have the port in the same place
  std::memcpy(&either, &address, sizeof either);
  return ntohs(either.sin_port);
}

// As libcurl reads "[scheme://][user@]host[:port]".
uint16_t PortOfProxy(const std::string& proxy) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parts(curl_url(), &curl_url_cleanup);
  const unsigned int any_scheme = CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME;
  if (curl_url_set(parts.get(), CURLUPART_URL, proxy.c_str(), any_scheme) != CURLUE_OK) return 0;
  char* text = nullptr;
  if (curl_url_get(parts.get(), CURLUPART_PORT, &text, 0) != CURLUE_OK)
    return proxy.starts_with("https://") ? 443 : 1080;
  const std::string port(text);
  curl_free(text);
  uint16_t number = 0;
  std::from_chars(port.data(), port.data() + port.size(), number);
  return number;
}

}  // namespace

CurlExchange::CurlExchange(CurlShared& shared, const Request& request, const Url& url, const Headers& headers,
                           std::optional<Nearness> led_from)
    : shared_(shared),
      request_(request),
      url_(url),
      led_from_(led_from),
      handle_(shared.pool.Acquire(PoolKey(url, led_from))),
      window_start_(std::chrono::steady_clock::now()) {
  curl_easy_reset(handle_->easy());
  setup_error_ = SetHeaders(headers);
  SetOptions();
  SetProxy();
}

CurlExchange::~CurlExchange() {
  if (handle_) curl_multi_remove_handle(handle_->multi(), handle_->easy());
  handle_.reset();  // it points at members that would go before it
}

// Only here is it known where a name leads.
curl_socket_t CurlExchange::OnOpenSocket(void* self, curlsocktype, curl_sockaddr* address) {
  if (!static_cast<CurlExchange*>(self)->MayConnect(address->addr)) return CURL_SOCKET_BAD;
  // libcurl's own sockets would be inherited by programs that others start.
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

bool CurlExchange::MayConnect(const sockaddr& address) {
  // A proxy is the operator's choice, and it is often on this machine.
  if (!led_from_ || IsProxyPort(PortOf(address))) return true;
  const Nearness to = NearnessOf(address);
  if (MayLead(*led_from_, to)) return true;
  refused_ = to;
  return false;
}

Nearness CurlExchange::NearnessOfPeer() const {
  const char* address = nullptr;
  long port = 0;
  curl_easy_getinfo(handle_->easy(), CURLINFO_PRIMARY_IP, &address);
  curl_easy_getinfo(handle_->easy(), CURLINFO_PRIMARY_PORT, &port);
  if (address == nullptr || IsProxyPort(port)) return Nearness::kElsewhere;
  return NearnessOf(std::string_view(address));
}

Status CurlExchange::SetHeaders(const Headers& headers) {
  const auto append = [this](const std::string& line) {
    curl_slist* longer = curl_slist_append(header_list_.get(), line.c_str());
    if (longer == nullptr) return;
    header_list_.release();  // NOLINT: `longer` is the same list
    header_list_.reset(longer);
  };
  for (const auto& [name, value] : headers.fields()) {
    // The value may be a secret, so only the name is told.
    if (!GoodHeader(name, value)) return Fail(Code::kInvalidArgument, fmt::format("header '{}' is malformed", name));
    append(value.empty() ? name + ";" : fmt::format("{}: {}", name, value));
  }
  // Waiting for "100 Continue" costs a round trip for each upload, and many registries never send it.
  append("Expect:");
  if (!url_.userinfo.empty() && !headers.Has("Authorization")) {
    const size_t colon = std::min(url_.userinfo.find(':'), url_.userinfo.size());
    const std::string password = colon < url_.userinfo.size() ? url_.userinfo.substr(colon + 1) : "";
    append("Authorization: " +
           BasicAuthorization(PercentDecode(url_.userinfo.substr(0, colon)), PercentDecode(password)));
  }
  return Status();
}

void CurlExchange::SetOptions() {
  CURL* easy = handle_->easy();
  Url bare = url_;
  bare.userinfo.clear();
  curl_url_ = bare.ToString();
  curl_easy_setopt(easy, CURLOPT_URL, curl_url_.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &OnOpenSocket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
  curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 30L);
  curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, static_cast<long>(shared_.options.max_idle_age.count()));
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(shared_.options.connect_timeout.count()));
  curl_easy_setopt(easy, CURLOPT_USERAGENT, shared_.options.user_agent.c_str());
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error_text_.data());
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, kReceiveBuffer);
  curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, kSendBuffer);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, header_list_.get());
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &OnHeader);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &OnBody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  // The shared store instead of a bundle that each connection would parse again.
  curl_easy_setopt(easy, CURLOPT_CAINFO, nullptr);
  curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, &OnSslContext);
  curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, this);
}

void CurlExchange::SetProxy() {
  const ProxySettings& proxy = shared_.options.proxy;
  // "" keeps libcurl from looking into the environment itself.
  const std::string chosen = url_.IsLoopback() ? "" : url_.scheme == "https" ? proxy.https_proxy : proxy.http_proxy;
  if (!chosen.empty()) proxy_port_ = PortOfProxy(chosen);
  curl_easy_setopt(handle_->easy(), CURLOPT_PROXY, chosen.c_str());
  curl_easy_setopt(handle_->easy(), CURLOPT_NOPROXY, proxy.no_proxy.c_str());
}

void CurlExchange::SetBody(std::string_view method, bool push) {
  CURL* easy = handle_->easy();
  push_ = push;
  if (method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (HasBody(method)) {
    curl_off_t size = static_cast<curl_off_t>(request_.body.size());
    if (push) {
      size = -1;
    } else if (request_.source) {
      size = request_.source->size ? static_cast<curl_off_t>(*request_.source->size) : -1;
    }
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, size);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, &OnRead);
    curl_easy_setopt(easy, CURLOPT_READDATA, this);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, &OnSeek);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, this);
    body_over_ = size == 0;
  } else {
    body_over_ = true;
  }
  if (method == "HEAD") body_over_ = true;
  if (method != "GET" && method != "HEAD") {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, std::string(method).c_str());
  }
  curl_multi_add_handle(handle_->multi(), easy);
}

Status CurlExchange::Drive(const Context& ctx, const std::function<bool()>& enough) {
  SLIPWAY_RETURN_IF_ERROR(setup_error_);
  CURLM* multi = handle_->multi();
  const std::stop_callback wake(ctx.stop_token(), [multi] { curl_multi_wakeup(multi); });
  window_start_ = std::chrono::steady_clock::now();
  window_bytes_ = 0;
  while (true) {
    if (Status err = ctx.Err(); !err.ok()) {
      broken_ = true;
      return err.With(fmt::format("{} '{}'", request_.method, url_.Redacted()));
    }
    int running = 0;
    curl_multi_perform(multi, &running);
    if (running == 0) {
      int left = 0;
      const CURLMsg* message = curl_multi_info_read(multi, &left);
      return Finish(message != nullptr ? message->data.result : CURLE_FAILED_INIT);
    }
    if (enough()) return Status();
    std::chrono::milliseconds wait = kLongestPoll;
    if (Status slow = CheckPace(wait); !slow.ok()) {
      broken_ = true;
      return slow;
    }
    if (ctx.deadline()) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(*ctx.deadline() - std::chrono::steady_clock::now());
      wait = std::clamp(left, std::chrono::milliseconds(0), wait);
    }
    curl_multi_poll(multi, nullptr, 0, static_cast<int>(wait.count()), nullptr);
  }
}

void CurlExchange::Moved(size_t bytes) { window_bytes_ += bytes; }

Status CurlExchange::CheckPace(std::chrono::milliseconds& wait) {
  const bool waiting = body_over_ && !body_began_ && response_.status < 200;
  const auto limit = waiting ? request_.response_timeout : shared_.options.low_speed_time;
  const auto now = std::chrono::steady_clock::now();
  const auto end = window_start_ + limit;
  if (now < end) {
    wait = std::min(wait, std::chrono::ceil<std::chrono::milliseconds>(end - now));
    return Status();
  }
  const std::string seconds = fmt::format("{:.6g} s", std::chrono::duration<double>(limit).count());
  if (waiting) return Fail(Code::kUnavailable, fmt::format("'{}' gave no answer within {}", url_.Authority(), seconds));
  if (window_bytes_ < shared_.options.low_speed_bytes) {
    return Fail(Code::kUnavailable, fmt::format("the transfer stalled: {} bytes in {}", window_bytes_, seconds));
  }
  window_start_ = now;
  window_bytes_ = 0;
  return Status();
}

Status CurlExchange::Finish(CURLcode code) {
  ended_ = true;
  if (!callback_error_.ok()) {
    broken_ = true;
    return callback_error_;
  }
  if (code != CURLE_OK && !(truncated_ && code == CURLE_WRITE_ERROR)) {
    broken_ = true;
    return TransferError(code);
  }
  if (truncated_) broken_ = true;
  if (Status status = Announce(); !status.ok()) {
    broken_ = true;
    return status;
  }
  return Status();
}

Response CurlExchange::TakeResponse() {
  nearness_ = NearnessOfPeer();
  curl_multi_remove_handle(handle_->multi(), handle_->easy());
  curl_easy_reset(handle_->easy());  // it points at our members
  if (broken_) {
    handle_.reset();
  } else {
    shared_.pool.Release(std::move(handle_));
  }
  response_.url = url_.ToString();
  return std::move(response_);
}

void CurlExchange::Feed(std::string_view bytes) {
  pending_ = bytes;
  if (paused_ && !ended_) {
    paused_ = false;
    curl_easy_pause(handle_->easy(), CURLPAUSE_CONT);
  }
}

void CurlExchange::EndBody() {
  push_over_ = true;
  Feed({});
}

// --- answers

size_t CurlExchange::OnHeader(char* data, size_t size, size_t count, void* self) {
  return static_cast<CurlExchange*>(self)->TakeHeader({data, size * count}) ? size * count : 0;
}

bool CurlExchange::TakeHeader(std::string_view line) {
  Moved(line.size());
  header_bytes_ += line.size();
  if (header_bytes_ > kMostHeaderBytes) {
    callback_error_ = Fail(Code::kResourceExhausted, "the answer's header is too large");
    return false;
  }
  if (body_began_) return true;  // trailers
  if (line.starts_with("HTTP/")) {
    response_ = Response();
    const size_t blank = line.find(' ');
    if (blank != std::string_view::npos) response_.status = std::atoi(std::string(line.substr(blank + 1, 3)).c_str());
    return true;
  }
  const size_t colon = line.find(':');
  if (colon != std::string_view::npos) response_.headers.Add(Trim(line.substr(0, colon)), Trim(line.substr(colon + 1)));
  return true;
}

bool CurlExchange::ToSink() const { return response_.ok() && !push_ && request_.sink != nullptr; }

Status CurlExchange::Announce() {
  if (announced_ || !response_.ok() || request_.on_response == nullptr || push_) return Status();
  announced_ = true;
  response_.url = url_.ToString();
  return request_.on_response(response_);
}

size_t CurlExchange::OnBody(char* data, size_t size, size_t count, void* self) {
  auto* exchange = static_cast<CurlExchange*>(self);
  const std::string_view bytes(data, size * count);
  const auto start = std::chrono::steady_clock::now();
  // Nothing may be thrown through libcurl.
  Status status = Caught("taking the answer", [&] { return exchange->TakeBody(bytes); });
  exchange->window_start_ += std::chrono::steady_clock::now() - start;
  if (!status.ok()) exchange->callback_error_ = std::move(status);
  return exchange->callback_error_.ok() && !exchange->truncated_ ? bytes.size() : 0;
}

Status CurlExchange::TakeBody(std::string_view bytes) {
  Moved(bytes.size());
  if (!body_began_) {
    body_began_ = true;
    SLIPWAY_RETURN_IF_ERROR(Announce());
  }
  body_bytes_ += bytes.size();
  if (ToSink()) return request_.sink(bytes);
  if (response_.ok()) {
    if (body_bytes_ > request_.max_body) {
      return Fail(Code::kResourceExhausted, fmt::format("the answer is larger than {} bytes", request_.max_body));
    }
    response_.body += bytes;
    return Status();
  }
  // Of errors and redirects the beginning is enough; a peer that goes on is cut off.
  response_.body += bytes.substr(0, kMostErrorBody - std::min(kMostErrorBody, response_.body.size()));
  truncated_ = body_bytes_ > 4 * kMostErrorBody;
  return Status();
}

// --- request bodies

size_t CurlExchange::OnRead(char* data, size_t size, size_t count, void* self) {
  auto* exchange = static_cast<CurlExchange*>(self);
  const auto start = std::chrono::steady_clock::now();
  auto got = Caught("reading what is sent", [&] { return exchange->ReadBody({data, size * count}); });
  exchange->window_start_ += std::chrono::steady_clock::now() - start;
  if (!got.ok()) {
    exchange->callback_error_ = got.status();
    return CURL_READFUNC_ABORT;
  }
  if (*got == CURL_READFUNC_PAUSE) return *got;
  exchange->Moved(*got);
  exchange->body_sent_ += *got;
  if (*got == 0) {
    exchange->body_over_ = true;
    exchange->window_start_ = std::chrono::steady_clock::now();
  }
  return *got;
}

Result<size_t> CurlExchange::ReadBody(std::span<char> buffer) {
  if (!push_ && request_.source) {
    SLIPWAY_ASSIGN_OR_RETURN(const size_t got, request_.source->read(buffer));
    if (request_.source->size && body_sent_ + got >= *request_.source->size) body_over_ = true;
    return got;
  }
  if (!push_) {
    const std::string_view rest = std::string_view(request_.body).substr(body_sent_);
    const size_t n = std::min(rest.size(), buffer.size());
    std::copy_n(rest.data(), n, buffer.data());
    if (n == rest.size()) body_over_ = true;
    return n;
  }
  if (pending_.empty() && !push_over_) {
    paused_ = true;
    return size_t{CURL_READFUNC_PAUSE};
  }
  const size_t n = std::min(pending_.size(), buffer.size());
  std::copy_n(pending_.data(), n, buffer.data());
  pending_.remove_prefix(n);
  return n;
}

// libcurl wants to send again when a kept connection breaks before an answer. What the server has done by then nobody
// knows, so that is left to the caller, except where doing it twice is the same as once.
int CurlExchange::OnSeek(void* self, curl_off_t offset, int origin) {
  auto* exchange = static_cast<CurlExchange*>(self);
  if (offset != 0 || origin != SEEK_SET) return CURL_SEEKFUNC_FAIL;
  const bool whole_again = !exchange->push_ && !exchange->request_.source && exchange->request_.method == "PUT";
  if (exchange->body_sent_ != 0 && !whole_again) return CURL_SEEKFUNC_FAIL;
  exchange->body_sent_ = 0;
  exchange->body_over_ = false;
  return CURL_SEEKFUNC_OK;
}

CURLcode CurlExchange::OnSslContext(CURL*, void* context, void* self) {
  static_cast<CurlExchange*>(self)->shared_.trust->Apply(static_cast<SSL_CTX*>(context));
  return CURLE_OK;
}

// --- errors

Status CurlExchange::Fail(Code code, std::string_view why) const {
  return Status(code, fmt::format("{} '{}': {}", request_.method, url_.Redacted(), why));
}

Status CurlExchange::TransferError(CURLcode code) const {
  if (code == CURLE_COULDNT_CONNECT && refused_ != Nearness::kElsewhere) {
    return Fail(Code::kPermissionDenied,
                fmt::format("a redirect led here, and the host is {}; ask for it by name if that is meant",
                            Describe(refused_)));
  }
  long error = 0;
  curl_easy_getinfo(handle_->easy(), CURLINFO_OS_ERRNO, &error);
  const std::string_view detail = error_text_[0] != '\0' ? error_text_.data() : curl_easy_strerror(code);
  return CurlFailure(code, static_cast<int>(error), detail, url_)
      .With(fmt::format("{} '{}'", request_.method, url_.Redacted()));
}

}  // namespace slipway::http
