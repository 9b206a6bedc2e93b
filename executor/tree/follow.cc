#include "executor/tree/follow.h"

#include <algorithm>
#include <utility>

#include "executor/base/fs.h"

namespace slipway::tree {

namespace {

constexpr int kMostLinks = 255;
/// Of elements, with those of the links on the way: what no path that is meant has.
constexpr int kMostElements = 8192;
/// Linux makes no link with a longer target.
constexpr size_t kLongestTarget = 4095;

bool NothingIn(std::string_view rest) { return rest.find_first_not_of('/') == std::string_view::npos; }

void Leave(std::string& path) {
  const size_t slash = path.rfind('/');
  path.resize(slash == std::string::npos ? 0 : slash);
}

// The element of `path` behind `at`, which is moved behind it; "" at the end.
std::string_view NextElement(std::string_view path, size_t& at) {
  const size_t begin = std::min(path.find_first_not_of('/', at), path.size());
  at = std::min(path.find('/', begin), path.size());
  return path.substr(begin, at - begin);
}

}  // namespace

Result<Followed> Follow(std::string_view path, bool follow_last, const LookupEntry& lookup) {
  std::string done;       // resolved so far
  std::string way(path);  // what is walked: the path, or what the last link has made of the rest of it
  size_t walked = 0;      // of that
  int links = 0;
  for (int elements = 0;; ++elements) {
    const std::string_view name = NextElement(way, walked);
    if (name.empty()) return Followed{std::move(done), true};
    if (elements >= kMostElements) {
      return InvalidArgument("'{}' is a way of more than {} folders and links", path, kMostElements);
    }
    if (name == ".") continue;
    if (name == "..") {
      Leave(done);
      continue;
    }
    std::string at = done.empty() ? std::string(name) : fmt::format("{}/{}", done, name);
    const std::string_view rest = std::string_view(way).substr(walked);
    SLIPWAY_ASSIGN_OR_RETURN(const Entry* found, lookup(at));
    if (found == nullptr) return Followed{fs::Clean(fmt::format("/{}/{}", at, rest)).substr(1), false};
    const bool last = NothingIn(rest);
    if (found->type == Type::kSymlink && (follow_last || !last)) {
      if (++links > kMostLinks) return InvalidArgument("'{}' goes through too many symbolic links", path);
      if (found->link.size() > kLongestTarget) {
        return InvalidArgument("the symbolic link '/{}' has a target of {} bytes, more than Linux allows ({})", at,
                               found->link.size(), kLongestTarget);
      }
      if (found->link.starts_with('/')) done.clear();
      way = fmt::format("{}/{}", found->link, rest);
      walked = 0;
      continue;
    }
    if (!last && !found->is_dir()) return FailedPrecondition("'/{}' is not a folder", at);
    done = std::move(at);
  }
}

}  // namespace slipway::tree
