#include "steps/task/comments.h"

#include <optional>

namespace slipway::task {

namespace {

constexpr std::string_view kBlanks = " \t";

std::string_view TrimRight(std::string_view text) {
  const size_t last = text.find_last_not_of(kBlanks);
  return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

struct BlockHeader {
  size_t parent = 0;  // column that content must be right of
  bool folded = false;
};

// "|", ">-", "|2+" …
bool IsIndicator(std::string_view word) {
  if (word.empty() || (word[0] != '|' && word[0] != '>') || word.size() > 3) return false;
  return word.find_first_not_of("123456789+-", 1) == std::string_view::npos;
}

// What a line opens if it ends with the header of a block scalar.
std::optional<BlockHeader> FindHeader(std::string_view line) {
  std::string_view text = TrimRight(line);
  // A comment may follow the indicator.
  for (size_t at = text.find(" #"); at != std::string_view::npos; at = text.find(" #", at + 1)) {
    const std::string_view before = TrimRight(text.substr(0, at));
    if (IsIndicator(before.substr(before.find_last_of(kBlanks) + 1))) text = before;
  }
  size_t blank = text.find_last_of(kBlanks);
  if (blank == std::string_view::npos || !IsIndicator(text.substr(blank + 1))) return std::nullopt;
  const bool folded = text[blank + 1] == '>';
  std::string_view before = TrimRight(text.substr(0, blank));
  // Anchors and tags stand between.
  while (!before.empty()) {
    const size_t word = before.find_last_of(kBlanks) + 1;
    if (before[word] != '&' && before[word] != '!') break;
    before = TrimRight(before.substr(0, word));
  }
  const bool opens = before.ends_with(':') || before == "-" || before.ends_with(" -") || before.ends_with("?");
  if (!opens) return std::nullopt;
  // "- - key: |": content is right of the key; "- |": right of the dash.
  size_t column = text.find_first_not_of(' ');
  while (text.substr(column, 2) == "- ") {
    const size_t next = text.find_first_not_of(' ', column + 1);
    if (next >= before.size()) break;
    column = next;
  }
  return BlockHeader{.parent = column, .folded = folded};
}

}  // namespace

SourceLines WithoutComments(const SourceLines& lines) {
  SourceLines out;
  std::optional<BlockHeader> block;
  for (const SourceLine& line : lines) {
    const size_t first = line.text.find_first_not_of(kBlanks);
    const bool empty = first == std::string::npos;
    const bool comment = !empty && line.text[first] == '#';
    if (comment && (!block || block->folded || first <= block->parent)) continue;
    if (block && !empty && first <= block->parent && line.text.compare(first, 2, "{{") != 0) block.reset();
    out.push_back(line);
    if (!block && !empty) block = FindHeader(line.text);
  }
  return out;
}

std::string RawVersion(const SourceLines& lines) {
  constexpr std::string_view kQuotes = "\"'";
  const auto trim = [](std::string_view text, std::string_view what) {
    const size_t begin = text.find_first_not_of(what);
    if (begin == std::string_view::npos) return std::string_view();
    return text.substr(begin, text.find_last_not_of(what) - begin + 1);
  };
  for (const SourceLine& line : lines) {
    const size_t colon = line.text.find(':');
    if (colon == std::string::npos || line.text.empty() || kBlanks.find(line.text[0]) != std::string_view::npos)
      continue;
    const std::string_view key = trim(TrimRight(std::string_view(line.text).substr(0, colon)), kQuotes);
    if (key != "version") continue;
    return std::string(trim(trim(std::string_view(line.text).substr(colon + 1), kBlanks), kQuotes));
  }
  return "";
}

AliasSplit SplitAlias(const SourceLines& lines) {
  AliasSplit out;
  bool inside = false;
  bool seen = false;
  for (const SourceLine& line : lines) {
    const std::string& text = line.text;
    const bool begins_key = !text.empty() && kBlanks.find(text[0]) == std::string_view::npos && text[0] != ':' &&
                            text.find(':') != std::string::npos;
    if (begins_key) {
      const bool alias = text.starts_with("alias") && TrimRight(text.substr(5, text.find(':') - 5)).empty();
      inside = alias && !seen;
      seen = seen || alias;
    }
    (inside ? out.alias : out.rest).push_back(line);
  }
  return out;
}

}  // namespace slipway::task
