#include "executor/tree/follow.h"

#include <utility>

#include "executor/base/fs.h"

namespace slipway::tree {

namespace {

constexpr int kMostLinks = 255;

bool NothingIn(std::string_view rest) { return rest.find_first_not_of('/') == std::string_view::npos; }

void Leave(std::string& path) {
  const size_t slash = path.rfind('/');
  path.resize(slash == std::string::npos ? 0 : slash);
}

}  // namespace

Result<Followed> Follow(std::string_view path, bool follow_last, const LookupEntry& lookup) {
  std::string done;        // resolved so far
  std::string left(path);  // still to walk
  int links = 0;
  while (!left.empty()) {
    const size_t slash = left.find('/');
    const std::string name = left.substr(0, slash);
    std::string rest = slash == std::string::npos ? "" : left.substr(slash + 1);
    if (name.empty() || name == "." || name == "..") {
      if (name == "..") Leave(done);
      left = std::move(rest);
      continue;
    }
    std::string at = done.empty() ? name : fmt::format("{}/{}", done, name);
    SLIPWAY_ASSIGN_OR_RETURN(const Entry* found, lookup(at));
    if (found == nullptr) return Followed{fs::Clean(fmt::format("/{}/{}", at, rest)).substr(1), false};
    const bool last = NothingIn(rest);
    if (found->type == Type::kSymlink && (follow_last || !last)) {
      if (++links > kMostLinks) return InvalidArgument("'{}' goes through too many symbolic links", path);
      if (found->link.starts_with('/')) done.clear();
      left = rest.empty() ? found->link : fmt::format("{}/{}", found->link, rest);
      continue;
    }
    if (!last && !found->is_dir()) return FailedPrecondition("'/{}' is not a folder", at);
    done = std::move(at);
    left = std::move(rest);
  }
  return Followed{std::move(done), true};
}

}  // namespace slipway::tree
