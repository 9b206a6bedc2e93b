#include "executor/dockerfile/source_text.h"

#include <algorithm>
#include <utility>

#include "executor/base/utf8.h"
#include "executor/dockerfile/unicode.h"

namespace slipway::dockerfile {

namespace {

constexpr size_t kMaxShownRunes = 160;
constexpr size_t kMaxMessage = 12'000;

// A line as it can be shown in a terminal: control characters made harmless, and cut to what is around byte `focus`.
// `column` becomes where that byte stands in the result, in characters from 0.
std::string Shown(std::string_view line, size_t focus, size_t* column) {
  std::vector<char32_t> runes;
  size_t at_focus = 0;
  for (size_t at = 0; at < line.size();) {
    if (at < focus) at_focus = runes.size() + 1;
    const utf8::Rune rune = utf8::Decode(line.substr(at));
    runes.push_back(rune.value == '\t' ? U' ' : IsPrintable(rune.value) ? rune.value : utf8::kReplacement);
    at += rune.size;
    if (runes.size() > at_focus + kMaxShownRunes) break;
  }
  const size_t begin = at_focus > kMaxShownRunes / 2 ? at_focus - kMaxShownRunes / 4 : 0;
  std::string shown = begin > 0 ? "…" : "";
  for (size_t i = begin; i < std::min(runes.size(), begin + kMaxShownRunes); ++i) utf8::Append(runes[i], &shown);
  if (runes.size() > begin + kMaxShownRunes) shown += "…";
  if (column != nullptr) *column = at_focus - begin + (begin > 0 ? 1 : 0);
  return shown;
}

bool IsWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         c == '.' || c == '/' || static_cast<unsigned char>(c) >= 0x80;
}

// Where `word` stands in `line` from `from` on: as a word of its own rather than as a part of one, if it does.
size_t FindWord(std::string_view line, std::string_view word, size_t from) {
  size_t part = std::string_view::npos;
  for (size_t at = line.find(word, from); at != std::string_view::npos; at = line.find(word, at + 1)) {
    const size_t end = at + word.size();
    const bool begins = at == 0 || !IsWordByte(line[at - 1]) || !IsWordByte(word.front());
    const bool ends = end == line.size() || !IsWordByte(line[end]) || !IsWordByte(word.back());
    if (begins && ends) return at;
    if (part == std::string_view::npos) part = at;
  }
  return part;
}

// Messages quote words of the file, and a word can be as long as the file.
std::string Cut(std::string_view message) {
  if (message.size() <= kMaxMessage) return std::string(message);
  size_t size = kMaxMessage;
  while (size > 0 && (static_cast<unsigned char>(message[size]) & 0xC0) == 0x80) --size;
  return std::string(message.substr(0, size)) + "…";
}

}  // namespace

SourceText::SourceText(std::string filename, std::string text)
    : filename_(std::move(filename)), text_(std::move(text)) {
  for (size_t at = 0; at < text_.size();) {
    line_starts_.push_back(at);
    const size_t end = text_.find('\n', at);
    at = end == std::string::npos ? text_.size() : end + 1;
  }
}

std::string_view SourceText::Line(int number) const {
  if (number < 1 || number > line_count()) return {};
  const size_t index = static_cast<size_t>(number) - 1;
  const size_t end = index + 1 < line_starts_.size() ? line_starts_[index + 1] : text_.size();
  std::string_view line = std::string_view(text_).substr(line_starts_[index], end - line_starts_[index]);
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

SourceText::Spot SourceText::Find(const SourceRange& where, std::string_view fault) const {
  // A flag's quotes are gone from its value; its name is left.
  const std::string_view name = fault.substr(0, fault.find('='));
  for (const std::string_view word : {fault, name}) {
    if (word.empty()) continue;
    for (int line = where.start_line; line <= std::max(where.start_line, where.end_line); ++line) {
      const bool first = line == where.start_line && where.start_column > 0;
      const size_t from = first ? static_cast<size_t>(where.start_column) - 1 : 0;
      const size_t at = FindWord(Line(line), word, from);
      if (at != std::string_view::npos) return {line, static_cast<int>(at) + 1};
    }
  }
  if (where.start_column > 0) return {where.start_line, where.start_column};
  const std::string_view line = Line(where.start_line);
  return {where.start_line, static_cast<int>(line.size() - utf8::TrimLeft(line).size()) + 1};
}

std::string SourceText::Pointed(const Spot& spot) const {
  size_t column = 0;
  const std::string shown = Shown(Line(spot.line), static_cast<size_t>(spot.column) - 1, &column);
  return fmt::format("{:>5} | {}\n      | {}^", spot.line, shown, std::string(column, ' '));
}

Status SourceText::At(const SourceRange& where, const Status& error, std::string_view fault) const {
  if (error.ok() || !where.known()) return error;
  const Spot spot = Find(where, fault);
  return Status(error.code(), fmt::format("{}:{}:{}: {}\n{}", filename_, spot.line, spot.column, Cut(error.message()),
                                          Pointed(spot)));
}

std::string SourceText::Excerpt(const SourceRange& where) const {
  constexpr int kMaxLines = 10;
  std::string out;
  const int last = std::min(std::max(where.start_line, where.end_line), line_count());
  for (int line = where.start_line; where.known() && line <= last; ++line) {
    if (!out.empty()) out += '\n';
    if (line - where.start_line == kMaxLines) return out + "      | …";
    out += fmt::format("{:>5} | {}", line, Shown(Line(line), 0, nullptr));
  }
  return out;
}

}  // namespace slipway::dockerfile
