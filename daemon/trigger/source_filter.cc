#include "daemon/trigger/source_filter.h"

#include <algorithm>
#include <array>

#include "executor/base/ascii.h"

namespace slipway::trigger {

namespace {

// "host/path" of an address: of URLs, of "user@host:path", of "host/path".
std::string Canonical(std::string_view url) {
  url = url.substr(0, url.find('#'));
  const size_t scheme = url.find("://");
  const bool has_scheme = scheme != std::string_view::npos;
  if (has_scheme) url.remove_prefix(scheme + 3);
  const size_t slash = std::min(url.find('/'), url.size());
  if (const size_t at = url.rfind('@', slash); at != std::string_view::npos) url.remove_prefix(at + 1);
  size_t end = std::min(url.find('/'), url.size());
  std::string host(url.substr(0, end));
  std::string path(url.substr(std::min(end + 1, url.size())));
  if (const size_t colon = host.find(':'); colon != std::string::npos) {
    const std::string rest = host.substr(colon + 1);
    const bool port = has_scheme && rest.find_first_not_of("0123456789") == std::string::npos;
    if (!port) path = rest + (path.empty() ? "" : "/" + path);
    const bool usual = !port || rest == "22" || rest == "80" || rest == "443";
    if (usual) host.resize(colon);
  }
  while (path.ends_with('/')) path.pop_back();
  if (path.ends_with(".git")) path.resize(path.size() - 4);
  while (path.starts_with('/')) path.erase(0, 1);
  return LowerAscii(host + "/" + path);
}

}  // namespace

bool SameRepository(std::string_view a, std::string_view b) { return Canonical(a) == Canonical(b); }

bool AsksToSkip(std::string_view message) {
  const std::string lower = LowerAscii(message);
  constexpr std::array<std::string_view, 3> kMarks = {"[skip ci]", "[ci skip]", "[no ci]"};
  return std::any_of(kMarks.begin(), kMarks.end(),
                     [&](std::string_view mark) { return lower.find(mark) != std::string::npos; });
}

Result<std::vector<SourceFilter::Glob>> SourceFilter::MakeGlobs(const std::vector<std::string>& texts,
                                                                std::string_view what) {
  std::vector<Glob> out;
  for (const std::string& text : texts) {
    Glob glob;
    glob.text = text;
    glob.any = text == "**";
    if (text.ends_with("/**")) glob.prefix = text.substr(0, text.size() - 2);
    Result<PathGlob> made = PathGlob::Make(glob.prefix.empty() ? text : glob.prefix);
    if (!made.ok()) return std::move(made).status().With(fmt::format("{} '{}'", what, text));
    if (!glob.prefix.empty() && PathGlob::HasMeta(glob.prefix)) {
      return InvalidArgument("{} '{}': wildcards before '/**' are not supported", what, text);
    }
    glob.glob = *std::move(made);
    out.push_back(std::move(glob));
  }
  return out;
}

bool SourceFilter::MatchesAny(const std::vector<Glob>& globs, const std::string& name) {
  return std::any_of(globs.begin(), globs.end(), [&](const Glob& glob) {
    if (glob.any) return true;
    return glob.prefix.empty() ? glob.glob.Matches(name) : name.starts_with(glob.prefix);
  });
}

Result<SourceFilter> SourceFilter::Make(SourceConditions conditions) {
  SourceFilter out;
  SLIPWAY_ASSIGN_OR_RETURN(out.branches_, MakeGlobs(conditions.branches, "branch"));
  SLIPWAY_ASSIGN_OR_RETURN(out.tags_, MakeGlobs(conditions.tags, "tag"));
  SLIPWAY_ASSIGN_OR_RETURN(out.paths_, PatternMatcher::Make(conditions.paths).With("paths"));
  out.conditions_ = std::move(conditions);
  return out;
}

bool SourceFilter::WantsPaths(const std::vector<std::string>& changed) const {
  return std::any_of(changed.begin(), changed.end(), [this](const std::string& path) { return paths_.Matches(path); });
}

SourceFilter::Verdict SourceFilter::Judge(const GitEvent& event, const std::vector<std::string>* changed_paths) const {
  const auto no = [](std::string reason) { return Verdict{.reason = std::move(reason)}; };
  const bool pull = event.kind == GitEvent::Kind::kPullRequest;
  if (event.kind == GitEvent::Kind::kPing) return no("a ping");
  if (event.kind == GitEvent::Kind::kIgnored) return no(fmt::format("'{}' starts nothing", event.detail));
  if (pull ? !conditions_.on_pull_request : !conditions_.on_commit) {
    return no(pull ? "the trigger is not for pull requests" : "the trigger is not for commits");
  }
  const bool ours = std::any_of(event.repositories.begin(), event.repositories.end(),
                                [this](const std::string& url) { return SameRepository(url, conditions_.repository); });
  if (!ours) return no(fmt::format("it is of another repository than '{}'", conditions_.repository));
  const std::string what = event.tag.empty() ? "branch" : "tag";
  const std::string& name = event.tag.empty() ? event.branch : event.tag;
  if (event.deleted) return no(fmt::format("{} '{}' was deleted", what, name));
  const bool wanted = event.tag.empty() ? branches_.empty() || MatchesAny(branches_, name) : MatchesAny(tags_, name);
  if (!wanted) return no(fmt::format("the trigger is not for {} '{}'", what, name));
  if (pull && event.from_fork && !conditions_.allow_forks) return no("the pull request comes from a fork");
  if (AsksToSkip(event.message)) return no("the commit asks to be skipped");
  if (!conditions_.paths.empty() && event.tag.empty()) {
    if (changed_paths == nullptr && event.changed_paths) changed_paths = &*event.changed_paths;
    if (changed_paths == nullptr) return {.needs_paths = true, .reason = "the changed paths are not known"};
    if (!WantsPaths(*changed_paths)) return no("no changed path is among the trigger's");
  }
  return {.run = true,
          .reason = pull ? fmt::format("pull request {} to '{}'", event.number, name)
                         : fmt::format("push to {} '{}'", what, name)};
}

}  // namespace slipway::trigger
