#include "executor/layer/chain_lookup.h"

namespace slipway::layer {

namespace {
// Whether the layer has something below `path` and so implies a folder there.
bool Implies(const tree::Tree& layer, std::string_view path) {
  const auto [first, last] = layer.Range(path);
  for (size_t i = first; i < last; ++i) {
    const tree::Entry& entry = layer.entries()[i];
    if (entry.type != tree::Type::kWhiteout && entry.path != path) return true;
  }
  return false;
}
}  // namespace

std::string_view ParentPath(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

tree::Entry ImpliedDir(std::string_view path) {
  tree::Entry entry;
  entry.path = path;
  entry.type = tree::Type::kDirectory;
  entry.mode = 0755;
  return entry;
}

bool Hides(const tree::Tree& layer, std::string_view path) {
  for (std::string_view at = path;; at = ParentPath(at)) {
    const tree::Entry* entry = layer.Find(at);
    if (entry != nullptr) {
      if (at != path && entry->opaque) return true;
      if (entry->type == tree::Type::kWhiteout) return true;
      if (at != path && !entry->is_dir()) return true;
    }
    if (at.empty()) return false;
  }
}

Result<std::optional<Located>> LookUp(size_t count, const IndexAt& index_at, std::string_view path) {
  std::optional<Located> implied;
  for (size_t i = count; i-- > 0;) {
    SLIPWAY_ASSIGN_OR_RETURN(const auto layer, index_at(i));
    if (const tree::Entry* entry = layer->Find(path)) {
      if (entry->type == tree::Type::kWhiteout) return implied;
      if (implied && !entry->is_dir()) return implied;
      return Located{*entry, i, false};
    }
    if (!implied && Implies(*layer, path)) implied = Located{ImpliedDir(path), i, true};
    if (Hides(*layer, path)) return implied;
  }
  if (!implied && path.empty()) return Located{ImpliedDir(""), 0, true};
  return implied;
}

}  // namespace slipway::layer
