#include "executor/http/curl_error.h"

#include <cstring>
#include <string>

namespace slipway::http {

namespace {

// A handshake can fail because the line broke or because the two do not understand each other.
Status HandshakeFailure(std::string_view detail, const std::string& host) {
  for (const std::string_view sign : {"SYSCALL", "reset", "unexpected eof"}) {
    if (detail.find(sign) != std::string_view::npos) {
      return Unavailable("TLS with '{}': the connection was dropped", host);
    }
  }
  return FailedPrecondition("TLS with '{}' failed ({}); if it speaks plain HTTP, name it as an insecure host", host,
                            detail);
}

Status ConnectFailure(int os_error, const std::string& host) {
  const char* known = os_error != 0 ? ::strerrordesc_np(os_error) : nullptr;
  return Unavailable("connect to '{}': {}; is the server running there?", host,
                     known != nullptr ? known : "Connection refused");
}

}  // namespace

Status CurlFailure(CURLcode code, int os_error, std::string_view detail, const Url& url) {
  const std::string host = url.Authority();
  switch (static_cast<int>(code)) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return NotFound("host '{}' is unknown; check the name and this machine's DNS", url.host);
    case CURLE_COULDNT_RESOLVE_PROXY:
      return Unavailable("the proxy's host is unknown; check the proxy environment variables");
    case CURLE_COULDNT_CONNECT: return ConnectFailure(os_error, host);
    case CURLE_OPERATION_TIMEDOUT: return Unavailable("connect to '{}': timed out", host);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return FailedPrecondition(
          "the certificate of '{}' is not trusted ({}); if it is yours, give its authority's certificate to Slipway",
          host, detail);
    case CURLE_SSL_CONNECT_ERROR: return HandshakeFailure(detail, host);
    case CURLE_URL_MALFORMAT: return InvalidArgument("the address is not valid");
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY: return Unavailable("'{}' does not answer in HTTP", host);
    case CURLE_OUT_OF_MEMORY: return ResourceExhausted("out of memory");
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_SEND_FAIL_REWIND: return Unavailable("the connection to '{}' was dropped ({})", host, detail);
    default: return Unavailable("{}", detail);
  }
}

}  // namespace slipway::http
