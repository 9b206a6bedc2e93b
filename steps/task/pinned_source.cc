#include "steps/task/pinned_source.h"

#include <algorithm>
#include <array>
#include <variant>

#include "executor/http/url.h"

namespace slipway::task {

namespace {

// Members of .Run that the fetch of the source fills in.
constexpr std::array<std::string_view, 3> kOfSource = {"Commit", "Branch", "Repository"};

// The members of a query that say which commit is meant.
constexpr std::array<std::string_view, 6> kChoosers = {"ref", "branch", "tag", "checksum", "commit", "via"};

std::string_view TakePair(std::string_view* query) {
  const size_t end = std::min(query->find('&'), query->size());
  const std::string_view pair = query->substr(0, end);
  query->remove_prefix(std::min(end + 1, query->size()));
  return pair;
}

// What is left of a query without its choosers.
std::string WithoutChoosers(std::string_view query) {
  std::string out;
  while (!query.empty()) {
    const std::string_view pair = TakePair(&query);
    const std::string_view key = pair.substr(0, pair.find('='));
    if (pair.empty() || std::find(kChoosers.begin(), kChoosers.end(), key) != kChoosers.end()) continue;
    if (!out.empty()) out += '&';
    out += pair;
  }
  return out;
}

// Whether a template in the text names one of them.
bool SpeaksOfSource(std::string_view text) {
  const size_t begin = text.find("{{");
  return begin != std::string_view::npos && std::any_of(kOfSource.begin(), kOfSource.end(), [&](std::string_view word) {
           return text.find(word, begin) != std::string_view::npos;
         });
}

bool SpeakOfSource(const std::vector<std::string>& texts) {
  return std::any_of(texts.begin(), texts.end(), SpeaksOfSource);
}

}  // namespace

bool NamesSource(const QuickBuild& build) {
  return SpeakOfSource(build.image_names) || SpeakOfSource(build.cache_from) || SpeakOfSource(build.cache_to) ||
         std::any_of(build.outputs.begin(), build.outputs.end(),
                     [](const QuickBuild::Output& output) { return SpeakOfSource(output.names); }) ||
         std::any_of(build.arguments.begin(), build.arguments.end(), [](const builder::NamedValue& argument) {
           return !argument.secret && SpeaksOfSource(argument.value);
         });
}

bool IsGitSource(std::string_view source) {
  const Result<source::ContextSpec> parsed = ParseSourceLocation(source);
  return parsed.ok() && std::holds_alternative<source::GitContext>(*parsed);
}

std::string PinnedSource(const std::string& source, std::string_view commit, std::string_view fetch_ref) {
  if (commit.empty() || !IsGitSource(source)) return source;
  const std::string_view text = source;
  const size_t hash = std::min(text.find('#'), text.size());
  std::string_view address = text.substr(0, hash);
  std::string folder;
  if (const size_t colon = text.find(':', hash); colon != std::string_view::npos) folder = text.substr(colon);
  // A path of this machine has no query, and all its commits are here.
  if (address.starts_with('/')) return fmt::format("{}#{}{}", address, commit, folder);
  std::string query;
  if (const size_t question = address.find('?'); question != std::string_view::npos) {
    query = WithoutChoosers(address.substr(question + 1));
    address = address.substr(0, question);
  }
  const auto join = [&] {
    return fmt::format("{}{}{}#{}{}", address, query.empty() ? "" : "?", query, commit, folder);
  };
  const std::string plain = join();
  if (fetch_ref.empty()) return plain;
  query += fmt::format("{}via={}", query.empty() ? "" : "&", http::PercentEncode(fetch_ref));
  std::string leading = join();
  // Addresses of Azure DevOps take no query.
  return IsGitSource(leading) ? leading : plain;
}

}  // namespace slipway::task
