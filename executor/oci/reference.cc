#include "executor/oci/reference.h"

#include <algorithm>
#include <cctype>

namespace slipway::oci {

namespace {
constexpr std::string_view kDockerHub = "docker.io";
constexpr size_t kLongestRepository = 255;
constexpr size_t kLongestTag = 128;

bool LowerAlnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// path-component: alphanumerics parted by ".", "_", "__" or any number of "-".
bool GoodComponent(std::string_view part) {
  if (part.empty() || !LowerAlnum(part.front()) || !LowerAlnum(part.back())) return false;
  for (size_t i = 0; i < part.size();) {
    if (LowerAlnum(part[i])) {
      ++i;
      continue;
    }
    const size_t end = std::min(part.find_first_not_of(part[i], i), part.size());
    const size_t run = end - i;
    const bool good = (part[i] == '.' && run == 1) || (part[i] == '_' && run <= 2) || part[i] == '-';
    if (!good || !LowerAlnum(part[end])) return false;  // the last is alphanumeric, so `end` is inside
    i = end;
  }
  return true;
}

bool GoodRepository(std::string_view repo) {
  if (repo.empty() || repo.size() > kLongestRepository) return false;
  while (true) {
    const size_t slash = repo.find('/');
    if (!GoodComponent(repo.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    repo.remove_prefix(slash + 1);
  }
}

bool GoodTag(std::string_view tag) {
  const auto word = [](unsigned char c) { return std::isalnum(c) || c == '_'; };
  return !tag.empty() && tag.size() <= kLongestTag && word(static_cast<unsigned char>(tag.front())) &&
         std::all_of(tag.begin(), tag.end(), [&](unsigned char c) { return word(c) || c == '.' || c == '-'; });
}

bool GoodHost(std::string_view host) {
  if (host.starts_with('[')) {
    const size_t close = host.find(']');
    return close != std::string_view::npos && close > 2 && (close + 1 == host.size() || host[close + 1] == ':');
  }
  return !host.empty() && std::all_of(host.begin(), host.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '.' || c == '-' || c == ':' || c == '_';
  });
}

// Names come from strangers: what is quoted in an error is cut.
std::string_view Quoted(std::string_view text) { return text.substr(0, 300); }

Status Bad(std::string_view text, std::string_view why) {
  return InvalidArgument("image name '{}' is not valid: {}", Quoted(text), why);
}
}  // namespace

bool HasHost(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view first = text.substr(0, slash);
  const bool upper = std::any_of(first.begin(), first.end(), [](unsigned char c) { return std::isupper(c); });
  return first == "localhost" || upper || first.find_first_of(".:") != std::string_view::npos;
}

bool IsLoopbackHost(std::string_view host) {
  if (host.starts_with("[::1]")) return true;
  const std::string_view name = host.substr(0, host.find(':'));
  return name == "localhost" || (name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string_view::npos);
}

Result<Reference> Reference::Parse(std::string_view text, std::string_view default_host) {
  Reference out;
  std::string_view rest = text;
  if (rest.empty()) return Bad(text, "it is empty");
  if (const size_t at = rest.find('@'); at != std::string_view::npos) {
    auto digest = Digest::Parse(rest.substr(at + 1));
    if (!digest.ok()) return Bad(text, digest.status().message());
    out.digest = *digest;
    rest = rest.substr(0, at);
  }
  if (HasHost(rest)) {
    const size_t slash = rest.find('/');
    out.host = rest.substr(0, slash);
    rest.remove_prefix(slash + 1);
    if (!GoodHost(out.host)) return Bad(text, fmt::format("'{}' is no host name", Quoted(out.host)));
  } else {
    out.host = default_host;
  }
  if (out.host == "index.docker.io") out.host = kDockerHub;
  if (const size_t colon = rest.rfind(':'); colon != std::string_view::npos && rest.find('/', colon) == std::string_view::npos) {
    out.tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    if (!GoodTag(out.tag)) {
      return Bad(text, fmt::format("tag '{}' must be 1 to 128 letters, digits, '_', '.' or '-'", Quoted(out.tag)));
    }
  } else if (out.digest.empty()) {
    out.tag = "latest";
  }
  out.repository = rest;
  if (out.host == kDockerHub && out.repository.find('/') == std::string::npos) out.repository = "library/" + out.repository;
  if (!GoodRepository(out.repository)) {
    const bool upper = std::any_of(rest.begin(), rest.end(), [](unsigned char c) { return std::isupper(c); });
    return Bad(text, upper ? "the repository must be in lower case"
                           : fmt::format("'{}' is no repository (lower-case letters, digits, '.', '_', '-' and '/')", Quoted(rest)));
  }
  return out;
}

std::string Reference::ToString() const {
  return fmt::format("{}/{}{}{}{}{}", host, repository, tag.empty() ? "" : ":", tag, digest.empty() ? "" : "@",
                     digest.ToString());
}

std::string Reference::Familiar() const {
  std::string out = ToString();
  if (host != kDockerHub) return out;
  out.erase(0, kDockerHub.size() + 1);
  if (out.starts_with("library/")) out.erase(0, 8);
  return out;
}

std::string Reference::Short() const {
  constexpr std::string_view kLatest = ":latest";
  std::string out = Familiar();
  if (out.ends_with(kLatest)) out.resize(out.size() - kLatest.size());
  return out;
}

std::string Reference::Selector() const { return digest.empty() ? tag : digest.ToString(); }

}  // namespace slipway::oci
