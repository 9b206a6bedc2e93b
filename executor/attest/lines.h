// Lines: a text line by line, without copies. The end of a line is LF or CRLF.
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>

namespace slipway::attest {

class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  /// Nothing at the end.
  std::optional<std::string_view> Next() {
    if (rest_.empty()) return std::nullopt;
    const size_t end = std::min(rest_.find('\n'), rest_.size());
    std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

 private:
  std::string_view rest_;
};

inline std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace slipway::attest
