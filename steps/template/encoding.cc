#include "steps/template/encoding.h"

#include <array>

namespace slipway::run_template {

namespace {

// An alphabet of 2^bits characters; a group of `in` bytes is `out` characters.
struct Code {
  std::string_view alphabet;
  int bits;
  size_t in;
  size_t out;
  std::string_view name;
};

constexpr Code kBase64 = {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 6, 3, 4, "base64"};
constexpr Code kBase32 = {"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 5, 5, 8, "base32"};

std::string Encode(const Code& code, std::string_view bytes) {
  std::string out;
  uint32_t held = 0;
  int bits = 0;
  const uint32_t mask = (1u << code.bits) - 1;
  for (const char c : bytes) {
    held = held << 8 | static_cast<unsigned char>(c);
    bits += 8;
    for (; bits >= code.bits; bits -= code.bits) out += code.alphabet[held >> (bits - code.bits) & mask];
  }
  if (bits > 0) out += code.alphabet[held << (code.bits - bits) & mask];
  while (out.size() % code.out != 0) out += '=';
  return out;
}

bool IsLineEnd(char c) { return c == '\r' || c == '\n'; }

Result<std::string> Decode(const Code& code, std::string_view text) {
  const auto illegal = [&](size_t at) { return InvalidArgument("illegal {} data at input byte {}", code.name, at); };
  std::string out;
  uint32_t held = 0;
  int bits = 0;
  size_t taken = 0;  // of a group
  size_t at = 0;
  for (; at < text.size() && text[at] != '='; ++at) {
    if (IsLineEnd(text[at])) continue;
    const size_t digit = code.alphabet.find(text[at]);
    if (digit == std::string_view::npos) return illegal(at);
    held = held << code.bits | static_cast<uint32_t>(digit);
    bits += code.bits;
    taken = (taken + 1) % code.out;
    if (bits >= 8) {
      bits -= 8;
      out += static_cast<char>(held >> bits & 0xFF);
    }
  }
  if (taken == 0) return at == text.size() ? Result<std::string>(std::move(out)) : illegal(at);
  // A group may end only where its bits fill whole bytes.
  const size_t first = at;
  size_t padding = 0;
  for (; at < text.size(); ++at) {
    if (IsLineEnd(text[at])) continue;
    if (text[at] != '=' || padding == code.out - taken) return illegal(at);
    ++padding;
  }
  if (padding == 0) return illegal(text.size() - taken);
  if (bits >= code.bits) return illegal(first);
  if (padding != code.out - taken) return illegal(text.size());
  return out;
}

}  // namespace

std::string Base64Encode(std::string_view bytes) { return Encode(kBase64, bytes); }
Result<std::string> Base64Decode(std::string_view text) { return Decode(kBase64, text); }
std::string Base32Encode(std::string_view bytes) { return Encode(kBase32, bytes); }
Result<std::string> Base32Decode(std::string_view text) { return Decode(kBase32, text); }

}  // namespace slipway::run_template
