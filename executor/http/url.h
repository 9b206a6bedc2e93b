// Url: the parts of an http or https address (RFC 3986), and its text without what must not be shown.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "executor/base/status.h"

namespace slipway::http {

struct Url {
  std::string scheme;    ///< "http" or "https", lower case
  std::string userinfo;  ///< "user:password" as written (percent-encoded); usually empty
  std::string host;      ///< lower case; an IPv6 address with its brackets
  uint16_t port = 0;     ///< that of the scheme where none is written
  std::string path;      ///< starts with '/'
  std::string query;     ///< without '?'

  /// INVALID_ARGUMENT for another scheme, a bad port, or control characters and blanks. A fragment is dropped.
  static Result<Url> Parse(std::string_view text);

  /// The address that a Location header in an answer from this one names; relative ones are resolved.
  Result<Url> Resolve(std::string_view location) const;

  /// For the wire; with userinfo.
  std::string ToString() const;
  /// For people: userinfo and query values are left out ("https://host/path?…").
  std::string Redacted() const;
  /// "host" or "host:port" where the port is not that of the scheme.
  std::string Authority() const;
  /// "scheme://host:port"; equal origins may share connections and credentials.
  std::string Origin() const;
  bool IsLoopback() const;
};

/// `text` without userinfo and query if it is an address; else "(not an address)".
std::string RedactUrl(std::string_view text);

/// Percent-encodes all but unreserved characters.
std::string PercentEncode(std::string_view text);
/// The inverse; malformed escapes stay as they are.
std::string PercentDecode(std::string_view text);

}  // namespace slipway::http
