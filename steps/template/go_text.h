// Go's text: character classes (unicode), quoting and numbers as text (strconv). Stateless.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::run_template {

bool IsLetter(char32_t rune);
bool IsDigit(char32_t rune);  ///< decimal digits of any script
bool IsUpper(char32_t rune);
bool IsLower(char32_t rune);
bool IsTitle(char32_t rune);
/// Printable as strconv.IsPrint has it: letters, marks, numbers, punctuation, symbols and the ASCII space.
bool IsPrint(char32_t rune);
char32_t ToUpper(char32_t rune);
char32_t ToLower(char32_t rune);
char32_t ToTitle(char32_t rune);
std::string ToUpper(std::string_view text);
std::string ToLower(std::string_view text);

std::vector<char32_t> Runes(std::string_view text);
std::string FromRunes(const std::vector<char32_t>& runes);
size_t RuneCount(std::string_view text);

/// "U+0040 '@'", Go's %#U.
std::string RuneName(char32_t rune);
/// A Go string literal in double quotes; what is not printable (or not ASCII) is escaped.
std::string Quote(std::string_view text, bool ascii_only = false);
/// A Go character literal.
std::string QuoteRune(char32_t rune, bool ascii_only = false);
bool CanBackquote(std::string_view text);
/// What a Go string literal (in " or `) stands for; nothing if it is none.
std::optional<std::string> Unquote(std::string_view literal);
/// What a Go character literal stands for.
std::optional<char32_t> UnquoteRune(std::string_view literal);

/// strconv.ParseInt: base 0 takes prefixes and underscores; nothing for a syntax error or an overflow.
std::optional<int64_t> ParseInt(std::string_view text, int base);
std::optional<uint64_t> ParseUint(std::string_view text, int base);
/// strconv.ParseFloat: decimal, hexadecimal, inf and nan; nothing for a syntax error or an overflow.
std::optional<double> ParseFloat(std::string_view text);
/// strconv.FormatFloat for 'e', 'E', 'f', 'g', 'G', 'x' and 'X'. A negative precision is the shortest that reads back.
std::string FormatFloat(double value, char verb, int precision);

}  // namespace slipway::run_template
