#include "cli/source_location.h"

#include <strings.h>
#include <sys/stat.h>

#include <array>
#include <cctype>

namespace slipway::cli {

namespace {

bool StartsWithAnyCase(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && ::strncasecmp(text.data(), prefix.data(), prefix.size()) == 0;
}

// "user@host:path", as git takes it.
bool IsScpLike(std::string_view text) {
  const size_t at = text.find('@');
  const size_t colon = text.find(':');
  if (at == std::string_view::npos || colon == std::string_view::npos || at == 0 || colon < at + 2) return false;
  return text.substr(0, colon).find('/') == std::string_view::npos && !text.substr(colon + 1).starts_with("//");
}

bool IsRemote(std::string_view text) {
  constexpr std::array<std::string_view, 7> kPrefixes = {"http://", "https://", "git://",     "ssh://",
                                                         "file://", "oci://",   "github.com/"};
  for (const std::string_view prefix : kPrefixes) {
    if (StartsWithAnyCase(text, prefix)) return true;
  }
  return IsScpLike(text);
}

constexpr std::string_view kWhatItMayBe = "give a folder, a git or tarball URL, '-' or /dev/null";

}  // namespace

Result<SourceLocation> ClassifySource(std::string_view text) {
  if (text.empty()) return InvalidArgument("the build context is empty; {}", kWhatItMayBe);
  if (text == "-") return SourceLocation{.kind = SourceKind::kStdin};
  if (text.size() == 9 && StartsWithAnyCase(text, "/dev/null")) return SourceLocation{.kind = SourceKind::kNone};
  std::string path(text);
  struct stat st {};
  const bool there = ::stat(path.c_str(), &st) == 0;
  if (there && S_ISDIR(st.st_mode)) return SourceLocation{.kind = SourceKind::kFolder, .text = std::move(path)};
  if (IsRemote(text)) return SourceLocation{.kind = SourceKind::kRemote, .text = std::move(path)};
  if (there) return InvalidArgument("the build context '{}' is not a folder; {}", text, kWhatItMayBe);
  if (text.find("://") != std::string_view::npos) {
    return InvalidArgument("the build context '{}' is of a kind that is not known; {}", text, kWhatItMayBe);
  }
  return NotFound("the build context '{}' is not there; {}", text, kWhatItMayBe);
}

}  // namespace slipway::cli
