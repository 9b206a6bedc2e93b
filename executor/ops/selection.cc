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
std::string FileName(const tree::Entry& entry, size_t layer) {
  return fmt::format("{} {}", layer, entry.type == tree::Type::kHardlink ? entry.link : entry.path);
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
  using FirstNames = std::map<std::string, std::string>;
  using Wanted = std::function<bool(std::string_view)>;
  Status Fetch(const std::vector<layer::Seen>& all, size_t skip, const Wanted& wanted);
  Status AddBelow(const std::string& folder, const Wanted& wanted, Selected& selected);
  Result<Picked> Pick(const layer::Seen& seen, size_t skip, FirstNames* first_names);
  Result<tree::Entry> Complete(const tree::Entry& found, size_t layer, std::string name, FirstNames* first_names);
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
  const Result<std::vector<layer::Seen>> all = from_.Below(ctx_, resolved->path);
  if (!all.ok()) return "";
  const size_t skip = resolved->path.empty() ? 0 : resolved->path.size() + 1;
  std::vector<std::string_view> names;
  for (const layer::Seen& seen : *all) {
    const std::string_view name = std::string_view(seen.entry->path).substr(skip);
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
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<layer::Seen> all, from_.Below(ctx_, folder.path));
    const size_t skip = folder.path.empty() ? 0 : folder.path.size() + 1;
    for (const layer::Seen& seen : all) {
      const std::string_view name = std::string_view(seen.entry->path).substr(skip);
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
  if (!resolved.found->entry.is_dir()) {
    SLIPWAY_ASSIGN_OR_RETURN(selected.root,
                             Complete(resolved.found->entry, resolved.found->layer, "", /*first_names=*/nullptr));
    return std::optional(std::move(selected));
  }
  selected.root = resolved.found->entry;
  selected.root.path.clear();
  selected.root.opaque = false;
  const auto wanted = [this](std::string_view name) { return exclude_.empty() || !exclude_.Matches(name); };
  SLIPWAY_RETURN_IF_ERROR(AddBelow(resolved.path, wanted, selected));
  return std::optional(std::move(selected));
}

// Brings the contents that are not in the store yet into it, all with one sync.
Status Selector::Fetch(const std::vector<layer::Seen>& all, size_t skip, const Wanted& wanted) {
  std::vector<layer::Located> files;
  std::map<std::string, Digest> names;
  for (const layer::Seen& seen : all) {
    const tree::Entry& entry = *seen.entry;
    const bool open = entry.is_file() && entry.digest.empty();
    if (!open && entry.type != tree::Type::kHardlink) continue;
    if (!wanted(std::string_view(entry.path).substr(skip))) continue;
    if (names.try_emplace(FileName(entry, seen.layer)).second) files.push_back(seen.Copy());
  }
  fetched_.clear();
  if (files.empty()) return Status();
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<Digest> digests, from_.Contents(ctx_, files, lease_));
  for (size_t i = 0; i < files.size(); ++i) names[FileName(files[i].entry, files[i].layer)] = digests[i];
  fetched_ = std::move(names);
  return Status();
}

// Everything below a folder that is wanted, and the folders on the way to it.
Status Selector::AddBelow(const std::string& folder, const Wanted& wanted, Selected& selected) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<layer::Seen> all, from_.Below(ctx_, folder));
  const size_t skip = folder.empty() ? 0 : folder.size() + 1;
  SLIPWAY_RETURN_IF_ERROR(Fetch(all, skip, wanted));
  const bool has_links = std::any_of(all.begin(), all.end(),
                                     [](const layer::Seen& seen) { return seen.entry->type == tree::Type::kHardlink; });
  FirstNames first_names;
  std::vector<Picked> held;  // folders that are not wanted, taken if something below them is
  selected.below.reserve(all.size());
  for (const layer::Seen& seen : all) {
    const std::string_view name = std::string_view(seen.entry->path).substr(skip);
    if (seen.entry->type == tree::Type::kSocket) continue;
    const bool take = wanted(name);
    if (!take && !seen.entry->is_dir()) continue;
    while (!held.empty() && !(name.starts_with(held.back().path()) && name[held.back().path().size()] == '/'))
      held.pop_back();
    SLIPWAY_ASSIGN_OR_RETURN(Picked picked, Pick(seen, skip, has_links ? &first_names : nullptr));
    if (!take) {
      held.push_back(std::move(picked));
      continue;
    }
    for (Picked& parent : held) selected.below.push_back(std::move(parent));
    held.clear();
    selected.below.push_back(std::move(picked));
  }
  selected.indexes = from_.Indexes();
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
  const auto wanted = [&](std::string_view name) {
    return !pattern.empty() && include.Matches(name) && (exclude_.empty() || !exclude_.Matches(name));
  };
  SLIPWAY_RETURN_IF_ERROR(AddBelow(top.path, wanted, selected));
  if (selected.below.empty() && copy_.must_exist && !pattern.empty() && !HasWildcard(pattern)) {
    return Missing(JoinPath(base, pattern));
  }
  out.push_back(std::move(selected));
  return Status();
}

// Most entries are taken as they are, and not copied.
Result<Picked> Selector::Pick(const layer::Seen& seen, size_t skip, FirstNames* first_names) {
  const tree::Entry& entry = *seen.entry;
  const bool plain_file = entry.is_file() && !entry.digest.empty() && first_names == nullptr;
  const bool plain = plain_file || (!entry.is_file() && entry.type != tree::Type::kHardlink && !entry.opaque);
  if (!plain) {
    SLIPWAY_ASSIGN_OR_RETURN(tree::Entry own, Complete(entry, seen.layer, entry.path.substr(skip), first_names));
    return Picked(std::move(own));
  }
  if (plain_file) known_.push_back(entry.digest);
  return Picked(&entry, skip);
}

// The entry under its new name, with the digest of its content. The first name of a file that is met becomes the file,
// the others become links to it; `first_names` is null where there are no others.
Result<tree::Entry> Selector::Complete(const tree::Entry& found, size_t layer, std::string name,
                                       FirstNames* first_names) {
  tree::Entry entry = found;
  entry.path = std::move(name);
  entry.opaque = false;
  const bool hard = entry.type == tree::Type::kHardlink;
  if (!entry.is_file() && !hard) return entry;
  const std::string file = FileName(found, layer);
  if (first_names != nullptr) {
    const auto [first, is_new] = first_names->try_emplace(file, entry.path);
    if (!is_new) {
      entry.type = tree::Type::kHardlink;
      entry.link = first->second;
      entry.digest = Digest();
      entry.size = 0;
      return entry;
    }
  }
  if (entry.is_file() && !entry.digest.empty()) {
    known_.push_back(entry.digest);
    return entry;
  }
  if (const auto fetched = fetched_.find(file); fetched != fetched_.end()) {
    entry.digest = fetched->second;
  } else {
    SLIPWAY_ASSIGN_OR_RETURN(entry.digest, from_.Content(ctx_, {.entry = found, .layer = layer}, lease_));
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

tree::Entry Picked::Copy(std::string_view prefix) const {
  tree::Entry out = *entry_;
  out.path.clear();
  out.path.reserve(prefix.size() + path().size());
  out.path.append(prefix).append(path());
  return out;
}

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
    for (const Picked& picked : selected.below) tree::AddToDigest(picked.entry(), picked.path(), {}, hasher);
  }
}

}  // namespace slipway::ops
