#include "executor/ops/selection.h"

#include <algorithm>
#include <functional>
#include <map>

#include "executor/base/fs.h"
#include "executor/base/near_miss.h"
#include "executor/base/path_glob.h"
#include "executor/base/pattern_matcher.h"

namespace slipway::ops {

namespace {

// A path whose only special characters are escapes is taken as it is written, escapes and all, as in BuildKit.
bool HasWildcard(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '*' || text[i] == '?' || text[i] == '[') {
      return true;
    }
  }
  return false;
}

size_t Depth(std::string_view path) { return static_cast<size_t>(std::count(path.begin(), path.end(), '/')); }

std::string JoinPath(std::string_view a, std::string_view b) {
  if (a.empty()) return std::string(b);
  return b.empty() ? std::string(a) : fmt::format("{}/{}", a, b);
}

// The leading elements without wildcards, and the rest.
std::pair<std::string, std::string> SplitAtWildcard(const std::string& path) {
  std::string plain;
  std::string_view rest = path;
  while (!rest.empty()) {
    const size_t slash = std::min(rest.find('/'), rest.size());
    if (HasWildcard(rest.substr(0, slash))) return {plain, std::string(rest)};
    plain = JoinPath(plain, rest.substr(0, slash));
    rest.remove_prefix(std::min(slash + 1, rest.size()));
  }
  return {plain, ""};
}

// What tells a file with several names from others.
std::string FileName(const layer::Located& located) {
  const bool hard = located.entry.type == tree::Type::kHardlink;
  return fmt::format("{} {}", located.layer, hard ? located.entry.link : located.entry.path);
}

class Selector {
 public:
  Selector(const Context& ctx, const graph::CopyAction& copy, layer::View& from, content::Lease* lease,
           SelectionUse use, const WhyMissing& why)
      : ctx_(ctx), copy_(copy), from_(from), lease_(lease), use_(use), why_(why) {}

  Result<std::vector<Selected>> All();

 private:
  Result<std::vector<std::string>> Matches(const std::string& source);
  Result<std::optional<Selected>> One(const std::string& path);
  Status WithParents(const std::string& source, std::vector<Selected>& out);
  Status BelowPivot(const std::string& base, const std::string& pattern, std::vector<Selected>& out);
  Status Fetch(const std::vector<layer::Located>& all, size_t skip,
               const std::function<bool(const std::string&)>& wanted);
  Status AddBelow(const std::string& folder, const std::function<bool(const std::string&)>& wanted, Selected& selected);
  Result<tree::Entry> Complete(const layer::Located& located, std::string name,
                               std::map<std::string, std::string>& first_names);
  Status Missing(const std::string& source) const;
  std::string NeighbourHint(const std::string& path) const;

  const Context& ctx_;
  const graph::CopyAction& copy_;
  layer::View& from_;
  content::Lease* lease_;
  const SelectionUse use_;
  const WhyMissing& why_;
  PatternMatcher exclude_;
  std::map<std::string, Digest> fetched_;  // of the folder being added, by FileName
  std::vector<Digest> known_;              // contents that are in the store already, to be leased together
};

// "; did you mean '…'?" with what stands beside a path that is missing.
std::string Selector::NeighbourHint(const std::string& path) const {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash);
  const Result<layer::Resolved> resolved = from_.Resolve(ctx_, folder, /*follow_last=*/true);
  if (!resolved.ok() || !resolved->found || !resolved->found->entry.is_dir()) return "";
  const Result<std::vector<layer::Located>> all = from_.Below(ctx_, resolved->path);
  if (!all.ok()) return "";
  const size_t skip = resolved->path.empty() ? 0 : resolved->path.size() + 1;
  std::vector<std::string_view> names;
  for (const layer::Located& located : *all) {
    const std::string_view name = std::string_view(located.entry.path).substr(skip);
    if (Depth(name) == 0) names.push_back(name);
  }
  return DidYouMean(std::string_view(path).substr(slash == std::string::npos ? 0 : slash + 1), names);
}

Status Selector::Missing(const std::string& source) const {
  const auto link = from_.Lookup(ctx_, source);
  if (link.ok() && *link && (*link)->entry.type == tree::Type::kSymlink) {
    return NotFound("'/{}' is a symbolic link to '{}', which {} does not have", source, (*link)->entry.link,
                    use_ == SelectionUse::kContext ? "the build context" : "its source");
  }
  const std::string why = why_ ? why_(source) : "";
  if (!why.empty()) return NotFound("'/{}' {}", source, why);
  const std::string hint = NeighbourHint(source);
  switch (use_) {
    case SelectionUse::kMount: return NotFound("'/{}' is not there to be mounted{}", source, hint);
    case SelectionUse::kFrom: return NotFound("'/{}' is not in what --from names{}", source, hint);
    case SelectionUse::kContext: break;
  }
  if (source.starts_with("--")) {
    return NotFound("'/{}' is not in the build context; flags stand before the sources", source);
  }
  return NotFound("'/{}' is not there to be copied (COPY and ADD see the build context as its ignore file leaves it){}",
                  source, hint);
}

Result<std::vector<Selected>> Selector::All() {
  SLIPWAY_ASSIGN_OR_RETURN(exclude_, PatternMatcher::Make(copy_.exclude));
  std::vector<Selected> out;
  for (const std::string& source : copy_.sources) {
    if (copy_.parents) {
      SLIPWAY_RETURN_IF_ERROR(WithParents(source, out));
      continue;
    }
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> matches, Matches(fs::Clean("/" + source).substr(1)));
    for (const std::string& match : matches) {
      SLIPWAY_ASSIGN_OR_RETURN(std::optional<Selected> selected, One(match));
      if (selected) out.push_back(*std::move(selected));
    }
  }
  if (lease_ != nullptr) SLIPWAY_RETURN_IF_ERROR(lease_->Add(known_));
  return out;
}

Result<std::vector<std::string>> Selector::Matches(const std::string& source) {
  if (!copy_.wildcards || !HasWildcard(source)) return std::vector<std::string>{source};
  const auto [plain, pattern] = SplitAtWildcard(source);
  SLIPWAY_ASSIGN_OR_RETURN(const layer::Resolved folder, from_.Resolve(ctx_, plain, /*follow_last=*/true));
  std::vector<std::string> out;
  if (folder.found && folder.found->entry.is_dir()) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<layer::Located> all, from_.Below(ctx_, folder.path));
    const size_t skip = folder.path.empty() ? 0 : folder.path.size() + 1;
    for (const layer::Located& located : all) {
      const std::string_view name = std::string_view(located.entry.path).substr(skip);
      if (Depth(name) != Depth(pattern)) continue;
      SLIPWAY_ASSIGN_OR_RETURN(const bool match, MatchPath(pattern, name));
      if (match) out.push_back(JoinPath(plain, name));
    }
  }
  return out;  // a pattern may match nothing
}

Result<std::optional<Selected>> Selector::One(const std::string& path) {
  SLIPWAY_ASSIGN_OR_RETURN(const layer::Resolved resolved, from_.Resolve(ctx_, path, /*follow_last=*/true));
  if (!resolved.found) return Missing(path);
  Selected selected;
  selected.source = path;
  std::map<std::string, std::string> first_names;
  if (!resolved.found->entry.is_dir()) {
    SLIPWAY_ASSIGN_OR_RETURN(selected.root, Complete(*resolved.found, "", first_names));
    return std::optional(std::move(selected));
  }
  selected.root = resolved.found->entry;
  selected.root.path.clear();
  selected.root.opaque = false;
  const auto wanted = [this](const std::string& name) { return exclude_.empty() || !exclude_.Matches(name); };
  SLIPWAY_RETURN_IF_ERROR(AddBelow(resolved.path, wanted, selected));
  return std::optional(std::move(selected));
}

// Brings the contents that are not in the store yet into it, all with one sync.
Status Selector::Fetch(const std::vector<layer::Located>& all, size_t skip,
                       const std::function<bool(const std::string&)>& wanted) {
  std::vector<layer::Located> files;
  std::map<std::string, Digest> names;
  for (const layer::Located& located : all) {
    const bool open = located.entry.is_file() && located.entry.digest.empty();
    if (!open && located.entry.type != tree::Type::kHardlink) continue;
    if (!wanted(located.entry.path.substr(skip))) continue;
    if (names.try_emplace(FileName(located)).second) files.push_back(located);
  }
  fetched_.clear();
  if (files.empty()) return Status();
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<Digest> digests, from_.Contents(ctx_, files, lease_));
  for (size_t i = 0; i < files.size(); ++i) names[FileName(files[i])] = digests[i];
  fetched_ = std::move(names);
  return Status();
}

// Everything below a folder that is wanted, and the folders on the way to it.
Status Selector::AddBelow(const std::string& folder, const std::function<bool(const std::string&)>& wanted,
                          Selected& selected) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<layer::Located> all, from_.Below(ctx_, folder));
  const size_t skip = folder.empty() ? 0 : folder.size() + 1;
  SLIPWAY_RETURN_IF_ERROR(Fetch(all, skip, wanted));
  std::map<std::string, std::string> first_names;
  std::vector<tree::Entry> held;  // folders that are not wanted, taken if something below them is
  for (const layer::Located& located : all) {
    std::string name = located.entry.path.substr(skip);
    if (located.entry.type == tree::Type::kSocket) continue;
    const bool take = wanted(name);
    if (!take && !located.entry.is_dir()) continue;
    while (!held.empty() && !(name.starts_with(held.back().path) && name[held.back().path.size()] == '/'))
      held.pop_back();
    SLIPWAY_ASSIGN_OR_RETURN(tree::Entry entry, Complete(located, std::move(name), first_names));
    if (!take) {
      held.push_back(std::move(entry));
      continue;
    }
    for (tree::Entry& parent : held) selected.below.push_back(std::move(parent));
    held.clear();
    selected.below.push_back(std::move(entry));
  }
  return Status();
}

// --parents: what matches keeps its folders, from the pivot "/./" (or the root) on.
Status Selector::WithParents(const std::string& source, std::vector<Selected>& out) {
  const size_t pivot = source.find("/./");
  const std::string base = pivot == std::string::npos ? "" : fs::Clean("/" + source.substr(0, pivot)).substr(1);
  const std::string pattern =
      fs::Clean("/" + (pivot == std::string::npos ? source : source.substr(pivot + 3))).substr(1);
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> tops, Matches(base));
  for (const std::string& top : tops) SLIPWAY_RETURN_IF_ERROR(BelowPivot(top, pattern, out));
  return Status();
}

Status Selector::BelowPivot(const std::string& base, const std::string& pattern, std::vector<Selected>& out) {
  SLIPWAY_ASSIGN_OR_RETURN(const layer::Resolved top, from_.Resolve(ctx_, base, /*follow_last=*/true));
  if (!top.found || !top.found->entry.is_dir()) return Missing(base);
  const std::vector<std::string> patterns = {pattern};
  SLIPWAY_ASSIGN_OR_RETURN(const PatternMatcher include, PatternMatcher::Make(patterns));
  Selected selected;
  selected.source = base;
  selected.root = top.found->entry;
  selected.root.path.clear();
  selected.root.opaque = false;
  const auto wanted = [&](const std::string& name) {
    return !pattern.empty() && include.Matches(name) && (exclude_.empty() || !exclude_.Matches(name));
  };
  SLIPWAY_RETURN_IF_ERROR(AddBelow(top.path, wanted, selected));
  if (selected.below.empty() && copy_.must_exist && !pattern.empty() && !HasWildcard(pattern)) {
    return Missing(JoinPath(base, pattern));
  }
  out.push_back(std::move(selected));
  return Status();
}

// The entry under its new name, with the digest of its content. The first name of a file that is met becomes the file,
// the others become links to it.
Result<tree::Entry> Selector::Complete(const layer::Located& located, std::string name,
                                       std::map<std::string, std::string>& first_names) {
  tree::Entry entry = located.entry;
  entry.path = std::move(name);
  entry.opaque = false;
  const bool hard = entry.type == tree::Type::kHardlink;
  if (!entry.is_file() && !hard) return entry;
  const std::string file = FileName(located);
  const auto [first, is_new] = first_names.try_emplace(file, entry.path);
  if (!is_new) {
    entry.type = tree::Type::kHardlink;
    entry.link = first->second;
    entry.digest = Digest();
    entry.size = 0;
    return entry;
  }
  if (entry.is_file() && !entry.digest.empty()) {
    known_.push_back(entry.digest);
    return entry;
  }
  if (const auto fetched = fetched_.find(file); fetched != fetched_.end()) {
    entry.digest = fetched->second;
  } else {
    SLIPWAY_ASSIGN_OR_RETURN(entry.digest, from_.Content(ctx_, located, lease_));
  }
  if (hard) {
    // All names of a file have the owner and mode of the file, whatever the entry of a further name says.
    SLIPWAY_ASSIGN_OR_RETURN(const std::optional<layer::Located> target, from_.Lookup(ctx_, entry.link));
    const Digest digest = entry.digest;
    std::string path = std::move(entry.path);
    if (target) entry = target->entry;
    entry.path = std::move(path);
    entry.type = tree::Type::kFile;
    entry.link.clear();
    entry.digest = digest;
  }
  return entry;
}

}  // namespace

Result<std::vector<Selected>> Select(const Context& ctx, const graph::CopyAction& copy, layer::View& from,
                                     content::Lease* lease, SelectionUse use, const WhyMissing& why) {
  return Selector(ctx, copy, from, lease, use, why).All();
}

void AddToDigest(const std::vector<Selected>& selection, Hasher& hasher) {
  hasher.Field(static_cast<uint64_t>(selection.size()));
  for (const Selected& selected : selection) {
    // A folder's own name does not reach the result, its mode may.
    tree::AddToDigest(selected.root, selected.root.is_dir() ? "" : fs::BaseName(selected.source), {}, hasher);
    hasher.Field(static_cast<uint64_t>(selected.below.size()));
    for (const tree::Entry& entry : selected.below) tree::AddToDigest(entry, entry.path, {}, hasher);
  }
}

}  // namespace slipway::ops
