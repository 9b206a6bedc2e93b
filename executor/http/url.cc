#include "executor/http/url.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "executor/base/ascii.h"

namespace slipway::http {

namespace {
constexpr size_t kLongestUrl = 16384;

uint16_t DefaultPort(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

bool GoodHost(std::string_view host) {
  const bool address = host.starts_with('[') && host.ends_with(']');
  if (address) host = host.substr(1, host.size() - 2);
  return !host.empty() && std::all_of(host.begin(), host.end(), [address](unsigned char c) {
    return std::isalnum(c) || c == '.' || c == '-' || c == '_' || c >= 0x80 || (address && (c == ':' || c == '%'));
  });
}

// Never quotes more than the scheme and host part: the rest may hold a secret.
Status Bad(std::string_view why) { return InvalidArgument("the address is not valid: {}", why); }

Status ParseAuthority(std::string_view text, Url& out) {
  if (const size_t at = text.rfind('@'); at != std::string_view::npos) {
    out.userinfo = text.substr(0, at);
    text.remove_prefix(at + 1);
  }
  const size_t bracket = text.rfind(']');
  const size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  out.host = LowerAscii(text.substr(0, colon));
  if (!GoodHost(out.host)) return Bad("it has no proper host name");
  out.port = DefaultPort(out.scheme);
  if (colon == std::string_view::npos || colon + 1 == text.size()) return Status();
  const std::string_view port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (error != std::errc() || end != port.data() + port.size() || out.port == 0) {
    return Bad(fmt::format("'{}' is not a port", port.substr(0, 20)));
  }
  return Status();
}

// RFC 3986, 5.2.4.
std::string RemoveDotSegments(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const size_t end = std::min(path.find('/', 1), path.size());
    const std::string_view segment = path.substr(0, end);
    const bool last = end == path.size();
    if (segment == "/." || segment == "/..") {
      if (segment == "/..") out.erase(out.rfind('/') == std::string::npos ? 0 : out.rfind('/'));
      if (last) out += '/';
    } else {
      out += segment;
    }
    path.remove_prefix(end);
  }
  return out;
}

}  // namespace

Result<Url> Url::Parse(std::string_view text) {
  if (text.size() > kLongestUrl) return Bad("it is too long");
  const bool blank = std::any_of(text.begin(), text.end(), [](unsigned char c) { return c <= 0x20 || c == 0x7f; });
  if (blank) return Bad("it has blanks or control characters");
  const size_t colon = text.find("://");
  if (colon == std::string_view::npos) return Bad("it does not begin with http:// or https://");
  Url out;
  out.scheme = LowerAscii(text.substr(0, colon));
  if (out.scheme != "http" && out.scheme != "https") return Bad("it does not begin with http:// or https://");
  std::string_view rest = text.substr(colon + 3);
  rest = rest.substr(0, rest.find('#'));
  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  SLIPWAY_RETURN_IF_ERROR(ParseAuthority(rest.substr(0, end), out));
  rest.remove_prefix(end);
  const size_t question = std::min(rest.find('?'), rest.size());
  out.path = rest.substr(0, question);
  if (out.path.empty()) out.path = "/";
  if (question < rest.size()) out.query = rest.substr(question + 1);
  return out;
}

Result<Url> Url::Resolve(std::string_view location) const {
  std::string text;
  for (const char c : location) text += c == ' ' ? std::string("%20") : std::string(1, c);
  // "x://" is absolute only where no '/', '?' or '#' stands before it.
  const size_t scheme_end = text.find("://");
  if (scheme_end != std::string::npos && text.find_first_of("/?#") > scheme_end) return Parse(text);
  if (text.starts_with("//")) return Parse(scheme + ":" + text);
  const std::string base = scheme + "://" + Authority();
  if (text.starts_with('/')) return Parse(base + text);
  if (text.starts_with('?')) return Parse(base + path + text);
  const size_t question = std::min(text.find_first_of("?#"), text.size());
  const std::string merged = path.substr(0, path.rfind('/') + 1) + text.substr(0, question);
  return Parse(base + RemoveDotSegments(merged) + text.substr(question));
}

std::string Url::ToString() const {
  return fmt::format("{}://{}{}{}{}{}{}", scheme, userinfo, userinfo.empty() ? "" : "@", Authority(), path,
                     query.empty() ? "" : "?", query);
}

std::string Url::Redacted() const {
  return fmt::format("{}://{}{}{}", scheme, Authority(), path, query.empty() ? "" : "?…");
}

std::string Url::Authority() const { return port == DefaultPort(scheme) ? host : fmt::format("{}:{}", host, port); }

std::string Url::Origin() const { return fmt::format("{}://{}:{}", scheme, host, port); }

bool Url::IsLoopback() const {
  if (host == "[::1]" || host == "localhost") return true;
  return host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos;
}

std::string RedactUrl(std::string_view text) {
  const auto url = Url::Parse(text);
  return url.ok() ? url->Redacted() : "(not an address)";
}

std::string PercentEncode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
    } else {
      out += fmt::format("%{:02X}", byte);
    }
  }
  return out;
}

std::string PercentDecode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const bool escape = text[i] == '%' && i + 2 < text.size() &&
                        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr == text.data() + i + 3;
    out += escape ? static_cast<char>(value) : text[i];
    if (escape) i += 2;
  }
  return out;
}

}  // namespace slipway::http
