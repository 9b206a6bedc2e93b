#include "executor/base/flag_values.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "executor/base/ascii.h"

namespace slipway {

Result<int64_t> ParseByteSize(std::string_view text) {
  const Status bad = InvalidArgument("'{}' is no size; write a number with k, m, g, t or p, as in '64m'", text);
  const size_t last = text.find_last_of("0123456789. ");
  if (last == std::string_view::npos) return bad;
  const std::string suffix = LowerAscii(text.substr(last + 1));
  std::string_view number = text.substr(0, text[last] == ' ' ? last : last + 1);
  if (number.starts_with('+')) number.remove_prefix(1);
  double size = 0;
  const char* const end = number.data() + number.size();
  const auto [stop, error] = std::from_chars(number.data(), end, size);
  if (error != std::errc() || stop != end || number.empty() || !(size >= 0)) return bad;
  if (!suffix.empty() && suffix != "b") {
    const size_t power = std::string_view("kmgtp").find(suffix[0]);
    const std::string_view tail = std::string_view(suffix).substr(1);
    if (power == std::string_view::npos || (!tail.empty() && tail != "b" && tail != "ib")) return bad;
    size = std::ldexp(size, static_cast<int>(power + 1) * 10);
  }
  if (size >= std::ldexp(1.0, 63)) return bad;
  return static_cast<int64_t>(size);
}

Result<std::vector<std::string>> SplitCsv(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(line.ends_with("\r\n") ? 2 : 1);
  if (line.empty()) return InvalidArgument("the value is empty");
  std::vector<std::string> fields;
  while (true) {
    std::string field;
    if (line.starts_with('"')) {
      line.remove_prefix(1);
      while (true) {
        const size_t quote = line.find('"');
        if (quote == std::string_view::npos) return InvalidArgument("a quoted field of the value is not closed");
        field += line.substr(0, quote);
        line.remove_prefix(quote + 1);
        if (!line.starts_with('"')) break;
        field += '"';
        line.remove_prefix(1);
      }
      if (!line.empty() && line.front() != ',') return InvalidArgument("text after a quoted field: '{}'", line);
    } else {
      const size_t comma = std::min(line.find(','), line.size());
      field = line.substr(0, comma);
      if (field.find('"') != std::string::npos) return InvalidArgument("a quote within the field '{}'", field);
      line.remove_prefix(comma);
    }
    fields.push_back(std::move(field));
    if (line.empty()) return fields;
    line.remove_prefix(1);
  }
}

}  // namespace slipway
