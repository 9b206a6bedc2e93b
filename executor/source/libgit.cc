#include "executor/source/libgit.h"

#include <algorithm>

namespace slipway::source {

void StartLibgit() {
  static const bool started = [] {
    git_libgit2_init();
    // Someone's ~/.gitconfig must not rewrite addresses or add proxies and includes.
    for (const int level :
         {GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL}) {
      git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "");
    }
    git_libgit2_opts(GIT_OPT_SET_TEMPLATE_PATH, "");
    // libgit2 runs no hook and no program, so whose files they are is no danger; local remotes have other owners.
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    // Each object is read once: a cache of them would only hold memory.
    git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, static_cast<ssize_t>(16 << 20));
    git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
    return true;
  }();
  static_cast<void>(started);
}

Status LibgitError(int error, std::string_view what, Code fallback) {
  const git_error* last = git_error_last();
  const std::string_view text = last != nullptr && last->message != nullptr ? last->message : "unknown error";
  const Code code = error == GIT_ENOTFOUND ? Code::kNotFound : fallback;
  return Status(code, fmt::format("{}: {}", what, text));
}

std::string OidHex(const git_oid& oid) {
  std::string out(GIT_OID_HEXSZ, '0');
  git_oid_fmt(out.data(), &oid);
  return out;
}

std::string OidBytes(const git_oid& oid) { return std::string(reinterpret_cast<const char*>(oid.id), GIT_OID_RAWSZ); }

bool IsHex(std::string_view text, size_t least) {
  return text.size() >= least && text.size() <= GIT_OID_HEXSZ && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
         });
}

}  // namespace slipway::source
