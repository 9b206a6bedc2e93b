#include "executor/dockerfile/heredoc.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "executor/dockerfile/word_expander.h"

namespace slipway::dockerfile {

namespace {

std::optional<std::string_view> NothingSet(std::string_view) { return std::nullopt; }

ptrdiff_t CountQuotes(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return c == '\'' || c == '"'; });
}

// Splits "3<<-EOF" into its parts; the delimiter is still quoted. False if the word looks otherwise.
bool SplitWord(std::string_view word, Heredoc* heredoc, std::string_view* delimiter) {
  const size_t digits = std::min(word.find_first_not_of("0123456789"), word.size());
  const std::string_view number = word.substr(0, digits);
  word.remove_prefix(digits);
  if (!word.starts_with("<<")) return false;
  word.remove_prefix(2);
  heredoc->strip_tabs = word.starts_with('-');
  if (heredoc->strip_tabs) word.remove_prefix(1);
  word.remove_prefix(std::min(word.find_first_not_of("\t\n\f\r "), word.size()));
  if (word.empty() || word.find('<') != std::string_view::npos) return false;
  const auto parsed = std::from_chars(number.data(), number.data() + number.size(), heredoc->file_descriptor);
  if (parsed.ec == std::errc::result_out_of_range) heredoc->file_descriptor = std::numeric_limits<uint64_t>::max();
  *delimiter = word;
  return true;
}

}  // namespace

Result<std::optional<Heredoc>> ParseHeredocWord(std::string_view word) {
  Heredoc heredoc;
  std::string_view delimiter;
  if (!SplitWord(word, &heredoc, &delimiter)) return std::optional<Heredoc>();
  SLIPWAY_ASSIGN_OR_RETURN(ExpandedWord plain, ExpandWord(delimiter, NothingSet, {.keep_unset = true}));
  if (plain.words.size() != 1) return std::optional<Heredoc>();
  SLIPWAY_ASSIGN_OR_RETURN(ExpandedWord raw,
                           ExpandWord(delimiter, NothingSet, {.raw_quotes = true, .keep_unset = true}));
  if (raw.words.size() != 1) return InvalidArgument("heredoc delimiter '{}' is not one word", delimiter);
  // Quotes that went away were there to forbid expansion.
  heredoc.expand = CountQuotes(plain.words[0]) == CountQuotes(raw.words[0]);
  heredoc.name = std::move(plain.words[0]);
  return std::optional<Heredoc>(std::move(heredoc));
}

Result<std::vector<Heredoc>> HeredocsOfLine(std::string_view line) {
  std::vector<Heredoc> heredocs;
  const Result<ExpandedWord> split =
      ExpandWord(line, NothingSet, {.raw_quotes = true, .raw_escapes = true, .keep_unset = true});
  if (!split.ok()) return heredocs;
  for (const std::string& word : split->words) {
    SLIPWAY_ASSIGN_OR_RETURN(std::optional<Heredoc> heredoc, ParseHeredocWord(word));
    if (heredoc.has_value()) heredocs.push_back(std::move(*heredoc));
  }
  return heredocs;
}

std::string StripLeadingTabs(std::string_view content) {
  std::string stripped;
  stripped.reserve(content.size());
  bool line_start = true;
  for (const char c : content) {
    if (line_start && c == '\t') continue;
    line_start = c == '\n';
    stripped.push_back(c);
  }
  return stripped;
}

}  // namespace slipway::dockerfile
