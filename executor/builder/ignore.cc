#include "executor/builder/ignore.h"

#include <map>
#include <optional>
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

Result<IgnoreFile> IgnoreFile::Read(const std::string& dockerfile, const ReadFile& read) {
  IgnoreFile file;
  file.name_ = dockerfile + ".dockerignore";
  auto text = read(file.name_);
  if (!text.ok() && text.code() == Code::kNotFound) {
    file.name_ = ".dockerignore";
    text = read(file.name_);
  }
  if (!text.ok() && text.code() == Code::kNotFound) return IgnoreFile();
  if (!text.ok()) return std::move(text).status().With(file.name_);
  SLIPWAY_ASSIGN_OR_RETURN(file.patterns_, ParseIgnoreFile(*text).With(file.name_));
  SLIPWAY_RETURN_IF_ERROR(CheckIgnoreFile(*text).With(file.name_));
  file.lines_ = IgnoreFileLines(*text);
  return file;
}

std::string IgnoreFile::WhyMissing(const std::string& path) const {
  const Result<PatternMatcher> matcher = PatternMatcher::Make(patterns_);
  if (!matcher.ok()) return "";
  const std::optional<size_t> taker = matcher->Taker(path);
  if (!taker) return "";
  return fmt::format("is left out by line {} of '{}' ('{}')", lines_[*taker], name_, patterns_[*taker]);
}

}  // namespace slipway::builder
