#include "executor/layer/leave_out.h"

#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace slipway::layer {

tree::Tree Without(const tree::Tree& layer, const std::vector<std::string>& paths) {
  const std::unordered_set<std::string_view> left_out(paths.begin(), paths.end());
  const auto goes = [&left_out](const tree::Entry& entry) {
    return (entry.is_file() || entry.type == tree::Type::kHardlink) && left_out.contains(entry.path);
  };
  // Files that go, with the name that takes over once it is met. A link may stand before its file.
  std::unordered_map<std::string_view, std::string_view> heirs;
  for (const tree::Entry& entry : layer.entries()) {
    if (entry.is_file() && goes(entry)) heirs.emplace(entry.path, "");
  }
  std::vector<tree::Entry> kept;
  kept.reserve(layer.size());
  for (const tree::Entry& entry : layer.entries()) {
    if (goes(entry)) continue;
    tree::Entry& out = kept.emplace_back(entry);
    const auto heir = entry.type == tree::Type::kHardlink ? heirs.find(entry.link) : heirs.end();
    if (heir == heirs.end()) continue;
    if (heir->second.empty()) {
      heir->second = entry.path;
      out = *layer.Find(entry.link);
      out.path = entry.path;
    } else {
      out.link = heir->second;
    }
  }
  return tree::Tree(std::move(kept));
}

}  // namespace slipway::layer
