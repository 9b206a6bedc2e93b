#include "executor/base/pattern_matcher.h"

#include <re2/re2.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "executor/base/fs.h"
#include "executor/base/path_glob.h"
#include "executor/base/utf8.h"

namespace slipway {

namespace {

constexpr size_t kMaxLine = 64 * 1024;

std::vector<std::string_view> Split(std::string_view path) {
  std::vector<std::string_view> parts;
  size_t start = 0;
  for (size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', start)) {
    parts.push_back(path.substr(start, slash - start));
    start = slash + 1;
  }
  parts.push_back(path.substr(start));
  return parts;
}

// Whether one path element without classes and escapes can match; only `*` and `?` are special.
bool ElementMatches(std::string_view pattern, std::string_view name) {
  const Result<bool> matched = MatchPath(pattern, name);
  return !matched.ok() || *matched;
}

std::string CleanIgnoreLine(std::string_view line) {
  const bool negated = line.front() == '!';
  if (negated) line = utf8::Trim(line.substr(1));
  std::string pattern = line.empty() ? "" : fs::Clean(line);
  if (pattern.size() > 1 && pattern.front() == '/') pattern.erase(0, 1);
  return negated ? "!" + pattern : pattern;
}

}  // namespace

// Calls `use` with each pattern of an ignore file and its line.
static Status ForEachPattern(std::string_view text, const std::function<Status(int, std::string)>& use) {
  constexpr std::string_view kBom = "\xEF\xBB\xBF";
  if (text.starts_with(kBom)) text.remove_prefix(kBom.size());
  for (int number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.size() >= kMaxLine)
      return InvalidArgument("ignore file: line {} is longer than {} bytes", number, kMaxLine - 1);
    if (line.starts_with('#')) continue;
    line = utf8::Trim(line);
    if (!line.empty()) SLIPWAY_RETURN_IF_ERROR(use(number, CleanIgnoreLine(line)));
  }
  return Status();
}

Result<std::vector<std::string>> ParseIgnoreFile(std::string_view text) {
  std::vector<std::string> patterns;
  SLIPWAY_RETURN_IF_ERROR(ForEachPattern(text, [&patterns](int, std::string pattern) {
    patterns.push_back(std::move(pattern));
    return Status();
  }));
  return patterns;
}

std::vector<int> IgnoreFileLines(std::string_view text) {
  std::vector<int> lines;
  ForEachPattern(text, [&lines](int line, const std::string&) {
    lines.push_back(line);
    return Status();
  }).Ignore();
  return lines;
}

Status CheckIgnoreFile(std::string_view text) {
  return ForEachPattern(text, [](int line, const std::string& pattern) {
    return PatternMatcher::Make({&pattern, 1}).status().With(fmt::format("line {}", line));
  });
}

// One pattern. The plain kinds need no regular expression; which pattern is of which kind decides some odd cases too,
// so this follows the original closely: a leading `**` makes a suffix, a trailing one a prefix, as long as nothing else
// is special.
class PatternMatcher::Pattern {
 public:
  static Result<std::unique_ptr<Pattern>> Make(std::string text, bool exception) {
    if (const Result<PathGlob> checked = PathGlob::Make(text); !checked.ok()) return checked.status();
    auto pattern = std::make_unique<Pattern>();
    pattern->exception_ = exception;
    pattern->text_ = std::move(text);
    SLIPWAY_RETURN_IF_ERROR(pattern->Compile());
    pattern->elements_ = Split(pattern->text_);
    return pattern;
  }

  bool exception() const { return exception_; }

  bool Matches(std::string_view path) const {
    switch (kind_) {
      case Kind::kExact: return path == text_;
      case Kind::kPrefix: return path.starts_with(std::string_view(text_).substr(0, text_.size() - 2));
      case Kind::kSuffix: {
        const std::string_view suffix = std::string_view(text_).substr(2);
        return path.ends_with(suffix) || (suffix.starts_with('/') && path == suffix.substr(1));
      }
      case Kind::kRegex: return IsAscii(path) ? RegexMatches(path) : RegexMatches(utf8::Repair(path));
    }
    return false;
  }

  bool MatchesAbove(std::string_view path) const {
    for (size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1)) {
      if (Matches(path.substr(0, slash))) return true;
    }
    return false;
  }

  // Whether a path below `folder` can match. May say yes too often, never no.
  bool CanMatchBelow(std::string_view folder) const {
    const std::vector<std::string_view> names = Split(folder);
    for (size_t i = 0; i < elements_.size(); ++i) {
      // From here on nothing is tied to a depth: any number of folders, or a class or an escape that may take a slash.
      if (elements_[i].find("**") != std::string_view::npos || PathIsOdd(elements_[i])) return true;
      if (i == names.size()) return true;
      if (!ElementMatches(elements_[i], names[i])) return false;
    }
    return false;
  }

 private:
  enum class Kind { kExact, kPrefix, kSuffix, kRegex };

  static bool IsAscii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  }

  bool RegexMatches(std::string_view text) const {
    return regex_->Match({text.data(), text.size()}, 0, text.size(), RE2::UNANCHORED, nullptr, 0);
  }

  static bool PathIsOdd(std::string_view element) { return element.find_first_of("[]\\^") != std::string_view::npos; }

  // `**` at `rest` (its stars are taken already), the first thing in the pattern or not.
  static Kind AddDoubleStar(std::u32string_view* rest, bool first, Kind kind, std::string* regex) {
    if (!rest->empty() && rest->front() == '/') rest->remove_prefix(1);
    if (rest->empty()) {
      if (kind == Kind::kExact) {
        kind = Kind::kPrefix;
      } else {
        *regex += ".*";
        kind = Kind::kRegex;
      }
    } else {
      *regex += "(.*/)?";
      kind = Kind::kRegex;
    }
    return first ? Kind::kSuffix : kind;
  }

  Status Compile() {
    std::u32string runes;
    for (std::string_view rest = text_; !rest.empty();) {
      const utf8::Rune rune = utf8::Decode(rest);
      runes.push_back(rune.value);
      rest.remove_prefix(rune.size);
    }
    std::string regex = "^";
    std::u32string_view rest = runes;
    for (bool first = true; !rest.empty(); first = false) {
      const char32_t c = rest.front();
      rest.remove_prefix(1);
      if (c == '*' && !rest.empty() && rest.front() == '*') {
        rest.remove_prefix(1);
        kind_ = AddDoubleStar(&rest, first, kind_, &regex);
      } else if (c == '*' || c == '?') {
        regex += c == '*' ? "[^/]*" : "[^/]";
        kind_ = Kind::kRegex;
      } else if (c == '\\') {
        regex += '\\';
        if (rest.empty()) continue;
        utf8::Append(rest.front(), &regex);
        rest.remove_prefix(1);
        kind_ = Kind::kRegex;
      } else {
        if (c == '[' || c == ']') kind_ = Kind::kRegex;
        if (c < 0x80 && std::string_view(".+()|{}$").find(static_cast<char>(c)) != std::string_view::npos)
          regex += '\\';
        utf8::Append(c, &regex);
      }
    }
    return kind_ == Kind::kRegex ? SetRegex(regex + "$") : Status();
  }

  Status SetRegex(const std::string& text) {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_never_capture(true);
    regex_.emplace(text, options);
    if (!regex_->ok()) return InvalidArgument("pattern '{}': {}", text_, regex_->error());
    return {};
  }

  bool exception_ = false;
  std::string text_;
  Kind kind_ = Kind::kExact;
  std::vector<std::string_view> elements_;
  std::optional<RE2> regex_;
};

PatternMatcher::PatternMatcher() = default;
PatternMatcher::~PatternMatcher() = default;
PatternMatcher::PatternMatcher(PatternMatcher&&) noexcept = default;
PatternMatcher& PatternMatcher::operator=(PatternMatcher&&) noexcept = default;

Result<PatternMatcher> PatternMatcher::Make(std::span<const std::string> patterns) {
  PatternMatcher matcher;
  for (const std::string& raw : patterns) {
    const std::string_view trimmed = utf8::Trim(raw);
    if (trimmed.empty()) continue;
    std::string text = fs::Clean(trimmed);
    const bool exception = text.front() == '!';
    if (exception) text.erase(0, 1);
    if (text.empty())
      return InvalidArgument(
          "pattern '!': nothing after the '!'; write '!name' to keep what an earlier pattern excludes");
    SLIPWAY_ASSIGN_OR_RETURN(auto pattern, Pattern::Make(std::move(text), exception));
    matcher.patterns_.push_back(std::move(pattern));
  }
  return matcher;
}

bool PatternMatcher::Matches(std::string_view path) const {
  if (path.empty() || path == ".") return false;
  bool matched = false;
  for (const auto& pattern : patterns_) {
    if (pattern->exception() != matched) continue;
    if (pattern->Matches(path) || pattern->MatchesAbove(path)) matched = !pattern->exception();
  }
  return matched;
}

bool PatternMatcher::Matches(std::string_view path, const Folder& parent, Folder* self) const {
  const std::optional<size_t> last = LastHit(path, parent, self);
  return last && !patterns_[*last]->exception();
}

// The last pattern that changed, or kept, what becomes of `path`.
std::optional<size_t> PatternMatcher::LastHit(std::string_view path, const Folder& parent, Folder* self) const {
  if (self != nullptr) self->matched_.assign(patterns_.size(), false);
  if (path.empty() || path == ".") return std::nullopt;
  std::optional<size_t> last;
  bool matched = false;
  for (size_t i = 0; i < patterns_.size(); ++i) {
    const Pattern& pattern = *patterns_[i];
    bool hit = i < parent.matched_.size() && parent.matched_[i];
    // A pattern that could change nothing is not tried, and then not remembered either.
    if (!hit && pattern.exception() == matched) hit = pattern.Matches(path);
    if (!hit) continue;
    if (self != nullptr) self->matched_[i] = true;
    matched = !pattern.exception();
    last = i;
  }
  return last;
}

std::optional<size_t> PatternMatcher::Taker(std::string_view path) const {
  Folder parent;
  std::optional<size_t> last;
  for (size_t end = 0; end != std::string_view::npos && !path.empty();) {
    end = path.find('/', end + 1);
    Folder self;
    last = LastHit(path.substr(0, end), parent, &self);
    parent = std::move(self);
  }
  return last && !patterns_[*last]->exception() ? last : std::nullopt;
}

bool PatternMatcher::CanSkip(std::string_view folder, const Folder& self) const {
  // Only an exception behind the last pattern that took the folder can give something below it back.
  for (size_t i = patterns_.size(); i > 0; --i) {
    const Pattern& pattern = *patterns_[i - 1];
    if (!pattern.exception()) {
      if (i - 1 < self.matched_.size() && self.matched_[i - 1]) return true;
    } else if (pattern.CanMatchBelow(folder)) {
      return false;
    }
  }
  return false;
}

}  // namespace slipway
