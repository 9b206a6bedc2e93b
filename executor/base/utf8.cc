#include "executor/base/utf8.h"

namespace slipway::utf8 {

namespace {

unsigned char Byte(char c) { return static_cast<unsigned char>(c); }

}  // namespace

Rune Decode(std::string_view text) {
  if (text.empty()) return {kReplacement, 0};
  const unsigned char first = Byte(text[0]);
  if (first < 0x80) return {first, 1};
  const size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < size) return {kReplacement, 1};
  char32_t value = first & (0x7FU >> size);
  for (size_t i = 1; i < size; ++i) {
    if ((Byte(text[i]) & 0xC0) != 0x80) return {kReplacement, 1};
    value = (value << 6) | (Byte(text[i]) & 0x3FU);
  }
  const bool too_long = (size == 3 && value < 0x800) || (size == 4 && value < 0x10000);
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (too_long || surrogate || value > 0x10FFFF) return {kReplacement, 1};
  return {value, size};
}

void Append(char32_t rune, std::string* out) {
  if (rune > 0x10FFFF || (rune >= 0xD800 && rune <= 0xDFFF)) rune = kReplacement;
  if (rune < 0x80) {
    out->push_back(static_cast<char>(rune));
    return;
  }
  const int size = rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4;
  const unsigned lead = size == 2 ? 0xC0 : size == 3 ? 0xE0 : 0xF0;
  out->push_back(static_cast<char>(lead | (rune >> (6 * (size - 1)))));
  for (int i = size - 2; i >= 0; --i) out->push_back(static_cast<char>(0x80 | ((rune >> (6 * i)) & 0x3F)));
}

std::string Repair(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Rune rune = Decode(text);
    Append(rune.value, &out);
    text.remove_prefix(rune.size);
  }
  return out;
}

bool IsSpace(char32_t rune) {
  if (rune < 0x80) return rune == ' ' || (rune >= '\t' && rune <= '\r');
  return rune == 0x85 || rune == 0xA0 || rune == 0x1680 || (rune >= 0x2000 && rune <= 0x200A) || rune == 0x2028 ||
         rune == 0x2029 || rune == 0x202F || rune == 0x205F || rune == 0x3000;
}

std::string_view TrimLeft(std::string_view text) {
  while (!text.empty()) {
    const Rune rune = Decode(text);
    if (!IsSpace(rune.value)) break;
    text.remove_prefix(rune.size);
  }
  return text;
}

std::string_view Trim(std::string_view text) {
  text = TrimLeft(text);
  while (!text.empty()) {
    // Back to the first byte of the last character; what is not valid there is no white space either.
    size_t start = text.size() - 1;
    while (start > 0 && text.size() - start < 4 && (Byte(text[start]) & 0xC0) == 0x80) --start;
    const Rune rune = Decode(text.substr(start));
    if (rune.size != text.size() - start || !IsSpace(rune.value)) break;
    text.remove_suffix(rune.size);
  }
  return text;
}

}  // namespace slipway::utf8
