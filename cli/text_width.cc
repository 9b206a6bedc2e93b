#include "cli/text_width.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "executor/base/utf8.h"

namespace slipway::cli {

namespace {

constexpr size_t kTabStop = 8;

struct Range {
  char32_t first, last;
};

// The ranges that matter in practice, not all of Unicode.
constexpr std::array<Range, 8> kZero = {{{0x0300, 0x036F},
                                         {0x0483, 0x0489},
                                         {0x0591, 0x05BD},
                                         {0x200B, 0x200F},
                                         {0x202A, 0x202E},
                                         {0x20D0, 0x20FF},
                                         {0xFE00, 0xFE0F},
                                         {0xFEFF, 0xFEFF}}};
constexpr std::array<Range, 10> kWide = {{{0x1100, 0x115F},
                                          {0x2E80, 0x303E},
                                          {0x3041, 0x33FF},
                                          {0x3400, 0x4DBF},
                                          {0x4E00, 0x9FFF},
                                          {0xA000, 0xA4CF},
                                          {0xAC00, 0xD7A3},
                                          {0xF900, 0xFAFF},
                                          {0xFF00, 0xFF60},
                                          {0x1F300, 0x1FAFF}}};

template <size_t N>
bool In(const std::array<Range, N>& ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(), [c](const Range& r) { return c >= r.first && c <= r.last; });
}

size_t ColumnsOf(char32_t c) {
  if (c < 0x300) return 1;
  if (In(kZero, c)) return 0;
  return In(kWide, c) || (c >= 0x20000 && c <= 0x3FFFD) ? 2 : 1;
}

// Length of the control sequence that begins with ESC at the front of `text`; an unfinished one reaches to the end.
size_t EscapeLength(std::string_view text) {
  if (text.size() < 2) return text.size();
  if (text[1] == '[') {  // CSI: parameters, then a final byte
    for (size_t i = 2; i < text.size(); ++i) {
      if (text[i] >= 0x40 && text[i] <= 0x7E) return i + 1;
    }
    return text.size();
  }
  constexpr std::string_view kStrings = "]PX^_";  // OSC and its like end with BEL or ESC backslash
  if (kStrings.find(text[1]) != std::string_view::npos) {
    for (size_t i = 2; i < text.size(); ++i) {
      if (text[i] == '\a') return i + 1;
      if (text[i] == '\x1b') return std::min(i + 2, text.size());
    }
    return text.size();
  }
  return 2;
}

}  // namespace

std::string Harmless(std::string_view line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  if (const size_t anew = line.rfind('\r'); anew != std::string_view::npos) line.remove_prefix(anew + 1);
  std::string out;
  size_t column = 0;
  while (!line.empty()) {
    if (line.front() == '\x1b') {
      line.remove_prefix(EscapeLength(line));
      continue;
    }
    const utf8::Rune rune = utf8::Decode(line);
    const bool broken = rune.value == 0xFFFD && rune.size == 1;
    if (rune.value == '\t') {
      const size_t blanks = kTabStop - column % kTabStop;
      out.append(blanks, ' ');
      column += blanks;
    } else if (broken) {
      out += '?';
      ++column;
    } else if (rune.value >= 0x20 && rune.value != 0x7F && !(rune.value >= 0x80 && rune.value < 0xA0)) {
      out += line.substr(0, rune.size);
      column += ColumnsOf(rune.value);
    }
    line.remove_prefix(rune.size);
  }
  return out;
}

std::vector<std::string> HarmlessLines(std::string_view text) {
  std::vector<std::string> lines;
  while (true) {
    const size_t end = text.find('\n');
    lines.push_back(Harmless(text.substr(0, end)));
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
}

std::string Counted(uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

size_t Columns(std::string_view text) {
  size_t columns = 0;
  while (!text.empty()) {
    const utf8::Rune rune = utf8::Decode(text);
    columns += ColumnsOf(rune.value);
    text.remove_prefix(rune.size);
  }
  return columns;
}

std::string Cut(std::string_view text, size_t columns) {
  size_t taken = 0;
  size_t bytes = 0;
  while (bytes < text.size()) {
    const utf8::Rune rune = utf8::Decode(text.substr(bytes));
    if (taken + ColumnsOf(rune.value) > columns) break;
    taken += ColumnsOf(rune.value);
    bytes += rune.size;
  }
  return std::string(text.substr(0, bytes));
}

std::string Fit(std::string_view text, size_t columns) {
  std::string out = Cut(text, columns);
  const size_t used = Columns(out);
  if (used < columns) out.append(columns - used, ' ');
  return out;
}

}  // namespace slipway::cli
