#include "executor/source/context_source.h"

#include "executor/source/git_url.h"

namespace slipway::source {

namespace {
bool StartsWithNoCase(std::string_view text, std::string_view lower_prefix) {
  if (text.size() < lower_prefix.size()) return false;
  for (size_t i = 0; i < lower_prefix.size(); ++i) {
    const char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
    if (c != lower_prefix[i]) return false;
  }
  return true;
}

bool IsWeb(std::string_view text) { return StartsWithNoCase(text, "http://") || StartsWithNoCase(text, "https://"); }

/// The path of an address: neither host nor query nor fragment.
std::string_view PathOf(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const size_t scheme = url.find("://");
  const size_t from = scheme == std::string_view::npos ? 0 : scheme + 3;
  const size_t slash = url.find('/', from);
  return slash == std::string_view::npos ? std::string_view() : url.substr(slash);
}

bool IsScp(std::string_view text) {
  const size_t at = text.find('@');
  if (at == std::string_view::npos || at == 0) return false;
  const size_t colon = text.find(':', at);
  return colon != std::string_view::npos && colon > at + 1 && text.substr(0, colon).find('/') == std::string_view::npos;
}

// Azure DevOps has no ".git" in its addresses; with a query they name a file of its web page.
bool IsAzureGit(std::string_view url) {
  return StartsWithNoCase(url, "https://") && PathOf(url).find("/_git/") != std::string_view::npos &&
         url.substr(0, url.find('#')).find('?') == std::string_view::npos;
}
}  // namespace

bool IsGitUrl(std::string_view location) {
  if (IsWeb(location)) return PathOf(location).ends_with(".git");
  return StartsWithNoCase(location, "git://") || StartsWithNoCase(location, "ssh://") || IsScp(location);
}

Result<ContextSpec> ParseContext(std::string_view location) {
  const std::string text(location);
  if (location.empty())
    return InvalidArgument("the context is empty; say where the files are, or '/dev/null' for none");
  if (StartsWithNoCase(location, "/dev/null") && location.size() == 9) return ContextSpec(NoContext{});
  if (StartsWithNoCase(location, "oci://")) {
    return Unimplemented("contexts from a registry ('oci://…') are not supported; use git, an upload or a tarball");
  }
  const bool local = location.starts_with('/');
  const bool git = IsGitUrl(location) || IsAzureGit(location) || StartsWithNoCase(location, "github.com/") ||
                   StartsWithNoCase(location, "file://") || StartsWithNoCase(location, "git+") ||
                   (local && (location.find('#') != std::string_view::npos || location.ends_with(".git")));
  if (git) {
    SLIPWAY_ASSIGN_OR_RETURN(const GitUrl url, GitUrl::Parse(location));
    return ContextSpec(GitContext{.url = text, .keep_git_dir = url.keep_git_dir, .checksum = url.checksum});
  }
  if (IsWeb(location)) return ContextSpec(TarballContext{.url = text});
  // What stands before an '@' may be a secret.
  if (const size_t scheme = location.find("://"); scheme != std::string_view::npos) {
    return InvalidArgument("contexts are not fetched over '{}://'; known: https, http, ssh, git and file",
                           location.substr(0, scheme));
  }
  return NotFound(
      "'{}' is a local folder, which the service cannot see: upload it, or name a git repository or an archive",
      location);
}

}  // namespace slipway::source
