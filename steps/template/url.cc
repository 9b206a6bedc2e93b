#include "steps/template/url.h"

#include <fmt/format.h>

#include <algorithm>

#include "steps/template/go_text.h"

namespace slipway::run_template {

namespace {

// Characters beside letters and digits that a part may hold as they are.
constexpr std::string_view kPath = "-_.~$&+,/:;=@";
constexpr std::string_view kHost = "-_.~!$&'()*+,;=:[]<>\"";
constexpr std::string_view kUser = "-_.~$&+,;=";
constexpr std::string_view kFragment = "-_.~$&+,/:;=?@!()*";
constexpr std::string_view kUserinfoLetters = "-._:~!$&'()*+,;=%@";

bool IsAlnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string Escape(std::string_view text, std::string_view plain) {
  std::string out;
  for (const char c : text) {
    if (IsAlnum(c) || plain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

Result<std::string> Unescape(std::string_view text, bool host) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '%') {
      if (host && static_cast<unsigned char>(c) < 0x80 && !IsAlnum(c) && kHost.find(c) == std::string_view::npos) {
        return InvalidArgument("invalid character {} in host name", Quote(text.substr(i, 1)));
      }
      out += c;
      continue;
    }
    const std::optional<uint64_t> byte = text.size() - i < 3 ? std::nullopt : ParseUint(text.substr(i + 1, 2), 16);
    // In a host only bytes past ASCII, and "%25" before a zone, may be escaped.
    if (!byte || (host && *byte < 0x80 && *byte != '%')) {
      return InvalidArgument("invalid URL escape {}", Quote(text.substr(i, 3)));
    }
    out += static_cast<char>(*byte);
    i += 2;
  }
  return out;
}

bool IsOptionalPort(std::string_view port) {
  return port.empty() || (port[0] == ':' && port.find_first_not_of("0123456789", 1) == std::string_view::npos);
}

Result<std::string> ParseHost(std::string_view host) {
  std::string_view port;
  if (host.starts_with('[')) {
    const size_t close = host.rfind(']');
    if (close == std::string_view::npos) return InvalidArgument("missing ']' in host");
    port = host.substr(close + 1);
  } else if (const size_t colon = host.rfind(':'); colon != std::string_view::npos) {
    port = host.substr(colon);
  }
  if (!IsOptionalPort(port)) return InvalidArgument("invalid port {} after host", Quote(port));
  return Unescape(host, true);
}

Status ParseAuthority(std::string_view authority, Url* out) {
  const size_t at = authority.rfind('@');
  if (at != std::string_view::npos) {
    SLIPWAY_ASSIGN_OR_RETURN(out->userinfo, CleanUserinfo(authority.substr(0, at)));
    authority.remove_prefix(at + 1);
  }
  SLIPWAY_ASSIGN_OR_RETURN(out->host, ParseHost(authority));
  return {};
}

// The scheme's length, 0 if there is none.
Result<size_t> SchemeSize(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ':') {
      if (i == 0) return InvalidArgument("missing protocol scheme");
      return i;
    }
    const bool letter = IsAlnum(c) && (c < '0' || c > '9');
    if (letter) continue;
    if (i == 0 || (!IsAlnum(c) && c != '+' && c != '-' && c != '.')) return size_t{0};
  }
  return size_t{0};
}

Result<Url> Parse(std::string_view text) {
  Url out;
  if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; })) {
    return InvalidArgument("invalid control character in URL");
  }
  if (const size_t hash = text.find('#'); hash != std::string_view::npos) {
    SLIPWAY_ASSIGN_OR_RETURN(out.fragment, Unescape(text.substr(hash + 1), false));
    text = text.substr(0, hash);
  }
  if (text == "*") {
    out.path = "*";
    return out;
  }
  SLIPWAY_ASSIGN_OR_RETURN(const size_t scheme, SchemeSize(text));
  out.scheme = ToLower(text.substr(0, scheme));
  std::string_view rest = text.substr(scheme == 0 ? 0 : scheme + 1);
  if (const size_t mark = rest.find('?'); mark != std::string_view::npos) {
    out.query = rest.substr(mark + 1);
    rest = rest.substr(0, mark);
  }
  if (!rest.starts_with('/')) {
    if (!out.scheme.empty()) {
      out.opaque = rest;
      return out;
    }
    if (rest.substr(0, rest.find('/')).find(':') != std::string_view::npos) {
      return InvalidArgument("first path segment in URL cannot contain colon");
    }
  }
  if (rest.starts_with("//") && (!out.scheme.empty() || !rest.starts_with("///"))) {
    rest.remove_prefix(2);
    const size_t slash = std::min(rest.find('/'), rest.size());
    SLIPWAY_RETURN_IF_ERROR(ParseAuthority(rest.substr(0, slash), &out));
    rest.remove_prefix(slash);
  }
  SLIPWAY_ASSIGN_OR_RETURN(out.path, Unescape(rest, false));
  return out;
}

}  // namespace

Result<std::string> CleanUserinfo(std::string_view text) {
  const auto good = [](char c) { return IsAlnum(c) || kUserinfoLetters.find(c) != std::string_view::npos; };
  if (!std::all_of(text.begin(), text.end(), good)) return InvalidArgument("invalid userinfo");
  const size_t colon = text.find(':');
  SLIPWAY_ASSIGN_OR_RETURN(const std::string user, Unescape(text.substr(0, colon), false));
  if (colon == std::string_view::npos) return Escape(user, kUser);
  SLIPWAY_ASSIGN_OR_RETURN(const std::string password, Unescape(text.substr(colon + 1), false));
  return Escape(user, kUser) + ":" + Escape(password, kUser);
}

Result<Url> ParseUrl(std::string_view text) {
  // Not the text: a password may stand in it.
  return Parse(text).With("parse URL");
}

std::string Url::Hostname() const {
  std::string_view name = host;
  const size_t colon = name.rfind(':');
  if (colon != std::string_view::npos && IsOptionalPort(name.substr(colon))) name = name.substr(0, colon);
  if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
  return std::string(name);
}

std::string Url::ToString() const {
  std::string out;
  if (!scheme.empty()) out = scheme + ":";
  if (!opaque.empty()) {
    out += opaque;
  } else {
    const bool authority = !scheme.empty() || !host.empty() || userinfo;
    if (authority && (!host.empty() || !path.empty() || userinfo)) out += "//";
    if (userinfo) out += *userinfo + "@";
    out += Escape(host, kHost);
    const std::string escaped = path == "*" ? "*" : Escape(path, kPath);
    if (!escaped.empty() && escaped[0] != '/' && !host.empty()) out += '/';
    if (out.empty() && escaped.substr(0, escaped.find('/')).find(':') != std::string::npos) out = "./";
    out += escaped;
  }
  if (!query.empty()) out += "?" + query;
  if (!fragment.empty()) out += "#" + Escape(fragment, kFragment);
  return out;
}

}  // namespace slipway::run_template
