#include "executor/dockerfile/checks.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "executor/base/near_miss.h"
#include "executor/base/utf8.h"
#include "executor/dockerfile/directives.h"
#include "executor/dockerfile/go_text.h"

namespace slipway::dockerfile {

namespace {

constexpr size_t kMaxTold = 200;

// What one option lists; "all" is not looked at here.
std::set<std::string, std::less<>> Names(std::string_view list) {
  std::set<std::string, std::less<>> names;
  while (true) {
    const size_t comma = std::min(list.find(','), list.size());
    names.emplace(utf8::Trim(list.substr(0, comma)));
    if (comma == list.size()) return names;
    list.remove_prefix(comma + 1);
  }
}

Status ParseOption(std::string_view option, CheckOptions* options) {
  const size_t equals = option.find('=');
  const std::string_view key = utf8::Trim(option.substr(0, equals));
  constexpr std::array<std::string_view, 3> kKeys = {"skip", "error", "experimental"};
  if (equals == std::string_view::npos || std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end()) {
    return InvalidArgument("'{}' is no option of check; there are skip=…, error=… and experimental=…{}", option,
                           DidYouMean(key, kKeys));
  }
  const std::string_view value = utf8::Trim(option.substr(equals + 1));
  if (key == "error") {
    Result<bool> on = ParseBool(value);
    if (!on.ok()) return std::move(on).status().With("option 'error' of check");
    options->error = *on;
  } else if (value == "all") {
    (key == "skip" ? options->skip_all : options->experimental_all) = true;
  } else {
    (key == "skip" ? options->skip : options->experimental) = Names(value);
  }
  return {};
}

// The options in the first comment above an instruction that is a check directive. What is wrong there is left alone,
// as it may be a sentence.
std::optional<CheckOptions> OptionsAbove(const InstructionBase& instruction) {
  for (const std::string& comment : instruction.comments) {
    const std::optional<Directive> directive = ParseDirective("#" + comment);
    if (!directive || directive->name != "check") continue;
    Result<CheckOptions> options = ParseCheckOptions(directive->value.substr(0, directive->value.find(' ')));
    if (!options.ok()) return std::nullopt;
    return *std::move(options);
  }
  return std::nullopt;
}

}  // namespace

Result<CheckOptions> ParseCheckOptions(std::string_view text) {
  CheckOptions options;
  text = utf8::Trim(text);
  for (int i = 0; i < 3 && !text.empty(); ++i) {
    // What is behind the second ";" is one option, whatever is in it.
    const size_t end = i == 2 ? text.size() : std::min(text.find(';'), text.size());
    SLIPWAY_RETURN_IF_ERROR(ParseOption(text.substr(0, end), &options));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return options;
}

std::vector<std::string> UnknownRules(const CheckOptions& options) {
  std::vector<std::string_view> known;
  for (const RuleInfo& rule : AllRules()) known.push_back(rule.name);
  std::vector<std::string> unknown;
  for (const auto* names : {&options.skip, &options.experimental}) {
    for (const std::string& name : *names) {
      if (name.empty() || std::find(known.begin(), known.end(), name) != known.end()) continue;
      unknown.push_back(fmt::format("check: there is no rule '{}'{}", name, DidYouMean(name, known)));
    }
  }
  return unknown;
}

bool Checks::ByLine::operator()(const Finding& a, const Finding& b) const {
  return std::tie(a.where.start_line, a.where.end_line, a.rule, a.text) <
         std::tie(b.where.start_line, b.where.end_line, b.rule, b.text);
}

bool Checks::On(Rule rule, const CheckOptions& options) const {
  const RuleInfo& info = InfoOf(rule);
  if (info.experimental) return options.experimental_all || options.experimental.contains(info.name);
  return !options.skip_all && !options.skip.contains(info.name);
}

bool Checks::Looks(Rule rule, const InstructionBase& about) const {
  // What stands above an instruction adds to the options of the file: it skips more, or looks at more.
  const std::optional<CheckOptions> above = OptionsAbove(about);
  if (InfoOf(rule).experimental) return On(rule, options_) || (above && On(rule, *above));
  return On(rule, options_) && (!above || On(rule, *above));
}

void Checks::Add(Rule rule, const InstructionBase& about, std::string text) {
  Add(rule, about, about.range, std::move(text));
}

void Checks::Add(Rule rule, const InstructionBase& about, const SourceRange& where, std::string text) {
  if (Looks(rule, about)) findings_.insert({rule, std::move(text), where});
}

void Checks::AddAtLine(Rule rule, int line, std::string text) {
  if (On(rule, options_)) findings_.insert({rule, std::move(text), {.start_line = line, .end_line = line}});
}

void Checks::Report(const std::function<void(std::string_view text, std::string_view detail)>& warn) const {
  size_t told = 0;
  for (const Finding& finding : findings_) {
    if (++told > kMaxTold) {
      warn(fmt::format("{}: {} more warnings are not shown", source_->filename(), findings_.size() - kMaxTold), "");
      return;
    }
    std::string detail = source_->Excerpt(finding.where);
    const std::string page = PageOf(finding.rule);
    if (!page.empty()) detail += (detail.empty() ? "" : "\n") + page;
    warn(fmt::format("{}:{}: {}: {}", source_->filename(), finding.where.start_line, InfoOf(finding.rule).name,
                     finding.text),
         detail);
  }
}

std::string Checks::RuleNames() const {
  std::set<std::string_view> names;
  for (const Finding& finding : findings_) names.insert(InfoOf(finding.rule).name);
  return fmt::format("{}", fmt::join(names, ", "));
}

Status Checks::Verdict() const {
  if (!options_.error || findings_.empty()) return {};
  return InvalidArgument(
      "{}: lint violation found for rules: {}; each is told above, and check=error=true makes it fail",
      source_->filename(), RuleNames());
}

std::string Checks::Summary() const {
  if (findings_.empty()) return "no warnings";
  const size_t count = findings_.size();
  return fmt::format("{} warning{}: {}", count, count == 1 ? "" : "s", RuleNames());
}

}  // namespace slipway::dockerfile
