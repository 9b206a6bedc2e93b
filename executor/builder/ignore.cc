#include "executor/builder/ignore.h"

#include <map>
#include <vector>

namespace slipway::builder {

tree::Tree WithoutIgnored(const tree::Tree& tree, const PatternMatcher& matcher) {
  // Folders are in the order of a walk, so what matched a parent is known before its children come.
  std::vector<tree::Entry> kept;
  std::map<std::string, PatternMatcher::Folder> folders;
  std::vector<tree::Entry> held;  // ignored folders, kept if something below them is
  for (const tree::Entry& entry : tree.entries()) {
    if (entry.path.empty()) continue;
    const size_t slash = entry.path.rfind('/');
    const std::string parent = slash == std::string::npos ? "" : entry.path.substr(0, slash);
    PatternMatcher::Folder self;
    const bool ignored = matcher.Matches(entry.path, folders[parent], &self);
    if (entry.is_dir()) folders[entry.path] = self;
    while (!held.empty() && !(entry.path.starts_with(held.back().path) && entry.path[held.back().path.size()] == '/')) {
      held.pop_back();
    }
    if (ignored) {
      if (entry.is_dir()) held.push_back(entry);
      continue;
    }
    for (tree::Entry& folder : held) kept.push_back(std::move(folder));
    held.clear();
    kept.push_back(entry);
  }
  return tree::Tree(std::move(kept));
}

Result<std::vector<std::string>> IgnorePatterns(
    const std::string& dockerfile, const std::function<Result<std::string>(const std::string& path)>& read) {
  std::string name = dockerfile + ".dockerignore";
  auto text = read(name);
  if (!text.ok() && text.code() == Code::kNotFound) {
    name = ".dockerignore";
    text = read(name);
  }
  if (!text.ok() && text.code() == Code::kNotFound) return std::vector<std::string>();
  if (!text.ok()) return std::move(text).status().With(name);
  SLIPWAY_ASSIGN_OR_RETURN(std::vector<std::string> patterns, ParseIgnoreFile(*text).With(name));
  SLIPWAY_RETURN_IF_ERROR(CheckIgnoreFile(*text).With(name));
  return patterns;
}

}  // namespace slipway::builder
