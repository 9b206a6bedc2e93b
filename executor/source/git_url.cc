#include "executor/source/git_url.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "executor/base/ascii.h"
#include "executor/base/fs.h"
#include "executor/http/url.h"

namespace slipway::source {

namespace {
constexpr size_t kLongest = 4096;

struct SchemeName {
  std::string_view prefix;
  GitUrl::Scheme scheme;
  uint16_t port;
};
constexpr std::array<SchemeName, 5> kSchemes = {{{"https://", GitUrl::Scheme::kHttps, 443},
                                                 {"http://", GitUrl::Scheme::kHttp, 80},
                                                 {"ssh://", GitUrl::Scheme::kSsh, 22},
                                                 {"git://", GitUrl::Scheme::kGit, 9418},
                                                 {"file://", GitUrl::Scheme::kFile, 0}}};

const SchemeName& NameOf(GitUrl::Scheme scheme) {
  return *std::find_if(kSchemes.begin(), kSchemes.end(), [scheme](const SchemeName& n) { return n.scheme == scheme; });
}

bool Alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool ValidHost(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']') && host.size() > 4) {
    host = host.substr(1, host.size() - 2);
    return std::all_of(host.begin(), host.end(), [](char c) { return Alnum(c) || c == ':' || c == '.'; });
  }
  return !host.empty() && Alnum(host.front()) &&
         std::all_of(host.begin(), host.end(), [](char c) { return Alnum(c) || c == '-' || c == '.' || c == '_'; });
}

// Blanks and control characters make header injection and ambiguous command lines; NUL ends C strings early.
bool HasOddBytes(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; });
}

Status Malformed(std::string_view why) { return InvalidArgument("git address: {}", why); }

Status SetFlag(std::string_view name, std::string_view value, bool* flag) {
  const std::string lower = LowerAscii(value);
  if (lower.empty() || lower == "1" || lower == "true") {
    *flag = true;
  } else if (lower == "0" || lower == "false") {
    *flag = false;
  } else {
    return InvalidArgument("git address: '{}' is 'true' or 'false', not '{}'", name, value);
  }
  return {};
}

Status SetOnce(std::string_view name, std::string value, std::string* field) {
  if (!field->empty()) return InvalidArgument("git address: '{}' is said twice", name);
  *field = std::move(value);
  return {};
}

Status ReadQuery(std::string_view query, GitUrl* url) {
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view key = pair.substr(0, equals);
    std::string value = http::PercentDecode(pair.substr(std::min(equals + 1, pair.size())));
    Status status;
    if (key == "ref") {
      status = SetOnce("ref", std::move(value), &url->ref);
    } else if (key == "branch") {
      status = SetOnce("ref", "refs/heads/" + value, &url->ref);
    } else if (key == "tag") {
      status = SetOnce("ref", "refs/tags/" + value, &url->ref);
    } else if (key == "subdir") {
      status = SetOnce("subdir", std::move(value), &url->folder);
    } else if (key == "checksum" || key == "commit") {
      status = SetOnce("checksum", std::move(value), &url->checksum);
    } else if (key == "via") {
      status = SetOnce("via", std::move(value), &url->via);
    } else if (key == "submodules") {
      status = SetFlag(key, value, &url->submodules);
    } else if (key == "keep-git-dir") {
      status = SetFlag(key, value, &url->keep_git_dir);
    } else {
      // The value may be a secret that someone put there for another kind of server.
      status = InvalidArgument(
          "git address: unknown query field '{}' (known: ref, branch, tag, subdir, checksum, via, submodules, "
          "keep-git-dir)",
          key);
    }
    SLIPWAY_RETURN_IF_ERROR(status);
  }
  return {};
}

Status ReadFragment(std::string_view fragment, GitUrl* url) {
  const size_t colon = fragment.find(':');
  const std::string_view ref = fragment.substr(0, colon);
  if (!ref.empty()) SLIPWAY_RETURN_IF_ERROR(SetOnce("ref", std::string(ref), &url->ref));
  if (colon == std::string_view::npos) return {};
  const std::string_view folder = fragment.substr(colon + 1);
  return folder.empty() ? Status() : SetOnce("subdir", std::string(folder), &url->folder);
}

void ReadUserinfo(std::string_view userinfo, GitUrl* url) {
  const size_t colon = userinfo.find(':');
  url->user = http::PercentDecode(userinfo.substr(0, colon));
  if (colon != std::string_view::npos) url->password = http::PercentDecode(userinfo.substr(colon + 1));
}

Status ReadAuthority(std::string_view authority, GitUrl* url) {
  const size_t at = authority.rfind('@');
  if (at != std::string_view::npos) {
    ReadUserinfo(authority.substr(0, at), url);
    authority.remove_prefix(at + 1);
  }
  const size_t bracket = authority.rfind(']');
  const size_t colon = authority.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    const std::string_view port = authority.substr(colon + 1);
    authority = authority.substr(0, colon);
    if (!port.empty()) {
      const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url->port);
      if (error != std::errc() || end != port.data() + port.size() || url->port == 0) {
        return InvalidArgument("git address: '{}' is no port", port);
      }
    }
  }
  url->host = LowerAscii(authority);
  if (url->port == NameOf(url->scheme).port) url->port = 0;
  return {};
}

Status ReadUrl(std::string_view rest, GitUrl* url) {
  const size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return Malformed("there is no path after the host");
  url->path = std::string(rest.substr(slash));
  const std::string_view authority = rest.substr(0, slash);
  if (url->scheme == GitUrl::Scheme::kFile) {
    if (!authority.empty() && authority != "localhost") return Malformed("a file:// address has no host");
    url->path = http::PercentDecode(url->path);
    return {};
  }
  // What a person sees as a path is sent to an SSH or git server as it is meant, not as it is escaped.
  if (!url->http()) url->path = http::PercentDecode(url->path);
  return ReadAuthority(authority, url);
}

// "user@host:path"; the user is what tells it from "C:path" and "name:tag".
bool LooksLikeScp(std::string_view text) {
  const size_t at = text.find('@');
  const size_t colon = text.find(':');
  const size_t slash = text.find('/');
  return at != std::string_view::npos && colon != std::string_view::npos && at < colon &&
         (slash == std::string_view::npos || colon < slash);
}

Status CheckParts(const GitUrl& url) {
  if (url.scheme != GitUrl::Scheme::kFile && !ValidHost(url.host)) return Malformed("the host is missing or malformed");
  if (url.path.empty() || url.path == "/") return Malformed("the repository's path is missing");
  if (url.path.find('\0') != std::string::npos || url.path.find('\n') != std::string::npos) {
    return Malformed("the path holds a control character");
  }
  if (url.scheme != GitUrl::Scheme::kSsh) return {};
  // These become arguments of ssh and of the program at the other end.
  if (url.path.front() == '-') return Malformed("a path must not begin with '-'");
  if (url.user.starts_with('-') || HasOddBytes(url.user)) return Malformed("the user's name is malformed");
  return {};
}
}  // namespace

Result<GitUrl> GitUrl::Parse(std::string_view text) {
  if (text.size() > kLongest) return Malformed("it is too long");
  if (HasOddBytes(text.substr(0, text.find('#')))) return Malformed("it holds blanks or control characters");
  GitUrl url;
  std::string_view rest = text;
  const size_t hash = rest.find('#');
  if (hash != std::string_view::npos) {
    SLIPWAY_RETURN_IF_ERROR(ReadFragment(rest.substr(hash + 1), &url));
    rest = rest.substr(0, hash);
  }
  const std::string lower = LowerAscii(rest.substr(0, 12));
  const bool plain_path = rest.starts_with('/');
  if (!plain_path) {
    const size_t question = rest.find('?');
    if (question != std::string_view::npos) {
      SLIPWAY_RETURN_IF_ERROR(ReadQuery(rest.substr(question + 1), &url));
      rest = rest.substr(0, question);
    }
  }
  const size_t plus = lower.starts_with("git+") ? 4 : 0;
  const auto* name = std::find_if(kSchemes.begin(), kSchemes.end(), [&](const SchemeName& n) {
    return std::string_view(lower).substr(plus).starts_with(n.prefix);
  });
  if (name != kSchemes.end()) {
    url.scheme = name->scheme;
    SLIPWAY_RETURN_IF_ERROR(ReadUrl(rest.substr(plus + name->prefix.size()), &url));
  } else if (plain_path) {
    url.scheme = Scheme::kFile;
    url.path = std::string(rest);
  } else if (lower.starts_with("github.com/")) {
    SLIPWAY_RETURN_IF_ERROR(ReadUrl(rest, &url));
  } else if (LooksLikeScp(rest)) {
    url.scheme = Scheme::kSsh;
    const size_t colon = rest.find(':');
    SLIPWAY_RETURN_IF_ERROR(ReadAuthority(rest.substr(0, colon), &url));
    url.path = std::string(rest.substr(colon + 1));
  } else {
    return Malformed("it begins with none of https://, http://, ssh://, git://, file://, /, github.com/ or user@host:");
  }
  SLIPWAY_RETURN_IF_ERROR(CheckParts(url));
  return url;
}

std::string GitUrl::Remote() const {
  if (scheme == Scheme::kFile) return "file://" + path;
  std::string out(NameOf(scheme).prefix);
  if (scheme == Scheme::kSsh && !user.empty()) out += user + "@";
  // The home folder's form has no place in a URL.
  if (!path.starts_with('/') && port == 0) return out.substr(6) + host + ":" + path;
  out += host;
  if (port != 0) out += fmt::format(":{}", port);
  return out + path;
}

std::string GitUrl::Identity() const {
  std::string out = Remote();
  while (out.size() > 1 && out.ends_with('/')) out.pop_back();
  return out;
}

bool GitUrl::SameHost(const GitUrl& other) const {
  return scheme == other.scheme && host == other.host && port == other.port;
}

Result<GitUrl> ResolveSubmodule(const GitUrl& parent, std::string_view url) {
  if (!url.starts_with("./") && !url.starts_with("../")) {
    // A repository's own files do not choose reference and folder.
    if (url.find('#') != std::string_view::npos) return Malformed("a submodule's address has no '#'");
    SLIPWAY_ASSIGN_OR_RETURN(GitUrl out, GitUrl::Parse(url));
    out.submodules = parent.submodules;
    return out;
  }
  if (HasOddBytes(url)) return Malformed("it holds blanks or control characters");
  GitUrl out = parent;
  out.ref.clear();
  out.folder.clear();
  out.checksum.clear();
  out.via.clear();
  out.keep_git_dir = false;
  const bool home = !parent.path.starts_with('/');
  // "../x" goes up from the repository itself, as if it were a folder.
  const std::string joined = fs::Clean(fmt::format("/{}/{}", parent.path, url));
  out.path = home ? joined.substr(1) : joined;
  SLIPWAY_RETURN_IF_ERROR(CheckParts(out));
  return out;
}

}  // namespace slipway::source
