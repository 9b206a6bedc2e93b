#include "executor/dockerfile/unicode.h"

#include <algorithm>
#include <span>

#include "executor/dockerfile/unicode_tables.h"

namespace slipway::dockerfile {

namespace {

bool Contains(std::span<const RuneRange> ranges, char32_t rune) {
  const auto after = std::upper_bound(ranges.begin(), ranges.end(), rune,
                                      [](char32_t r, const RuneRange& range) { return r < range.low; });
  return after != ranges.begin() && rune <= std::prev(after)->high;
}

}  // namespace

bool IsLetter(char32_t rune) {
  if (rune < 0x80) return (rune >= 'a' && rune <= 'z') || (rune >= 'A' && rune <= 'Z');
  return Contains(kLetters, rune);
}

bool IsDigit(char32_t rune) {
  if (rune < 0x80) return rune >= '0' && rune <= '9';
  return Contains(kDigits, rune);
}

bool IsPrintable(char32_t rune) {
  if (rune < 0x80) return rune >= ' ' && rune <= '~';
  return Contains(kPrintable, rune);
}

}  // namespace slipway::dockerfile
