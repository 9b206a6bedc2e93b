// Splitting the text of /proc and /etc files into lines and words. The pieces point into the given text.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

namespace slipway::runtime {

/// At each `separator`; empty pieces are left out.
inline std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    if (end > 0) out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

inline std::vector<std::string_view> SplitLines(std::string_view text) { return Split(text, '\n'); }

/// At runs of blanks, tabs and line ends.
inline std::vector<std::string_view> SplitWords(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  std::vector<std::string_view> out;
  while (true) {
    const size_t begin = text.find_first_not_of(kBlank);
    if (begin == std::string_view::npos) return out;
    const size_t end = std::min(text.find_first_of(kBlank, begin), text.size());
    out.push_back(text.substr(begin, end - begin));
    text.remove_prefix(end);
  }
}

}  // namespace slipway::runtime
