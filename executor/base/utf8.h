// UTF-8 as Go's standard library reads it: a byte that is no part of valid UTF-8 counts as one U+FFFD. Dockerfiles and
// ignore files are defined by programs in Go, so their corner cases are Go's. Stateless.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace slipway::utf8 {

inline constexpr char32_t kReplacement = 0xFFFD;

struct Rune {
  char32_t value;
  /// Bytes read: 0 only at the end of the text.
  size_t size;
};

/// The first character of `text`.
Rune Decode(std::string_view text);
/// Appends `rune`; a value that is none (a surrogate, past U+10FFFF) becomes U+FFFD.
void Append(char32_t rune, std::string* out);
/// `text` with each invalid byte replaced by U+FFFD.
std::string Repair(std::string_view text);

/// White space as Unicode defines it (Go's unicode.IsSpace).
bool IsSpace(char32_t rune);
/// Without white space at both ends, or at the left one.
std::string_view Trim(std::string_view text);
std::string_view TrimLeft(std::string_view text);

}  // namespace slipway::utf8
