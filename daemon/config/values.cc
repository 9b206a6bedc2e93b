#include "daemon/config/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "executor/base/ascii.h"

namespace slipway::config {

namespace {}  // namespace

Result<bool> ReadBool(std::string_view text) {
  const std::string word = LowerAscii(text);
  if (word == "true" || word == "yes" || word == "on") return true;
  if (word == "false" || word == "no" || word == "off") return false;
  return InvalidArgument("'{}' is neither true nor false", text);
}

Result<uint64_t> ReadCount(std::string_view text, uint64_t least, uint64_t most) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    return InvalidArgument("'{}' is not a number from {} to {}", text, least, most);
  }
  return value;
}

Result<uint64_t> ReadBytes(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 15> kUnits = {{{"", 1},
                                                                           {"b", 1},
                                                                           {"k", 1e3},
                                                                           {"kb", 1e3},
                                                                           {"kib", 1024.0},
                                                                           {"m", 1e6},
                                                                           {"mb", 1e6},
                                                                           {"mib", 1048576.0},
                                                                           {"g", 1e9},
                                                                           {"gb", 1e9},
                                                                           {"gib", 1073741824.0},
                                                                           {"t", 1e12},
                                                                           {"tb", 1e12},
                                                                           {"tib", 1099511627776.0},
                                                                           {"bytes", 1}}};
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  std::string unit = LowerAscii(std::string_view(end, static_cast<size_t>(text.data() + text.size() - end)));
  unit.erase(0, unit.find_first_not_of(' ') == std::string::npos ? unit.size() : unit.find_first_not_of(' '));
  const auto found =
      std::find_if(kUnits.begin(), kUnits.end(), [&unit](const auto& item) { return item.first == unit; });
  const double bytes = found == kUnits.end() ? -1 : number * found->second;
  if (error != std::errc() || !std::isfinite(bytes) || bytes < 0 || bytes > 9e18) {
    return InvalidArgument("'{}' is not a number of bytes such as 512MB or 20GiB", text);
  }
  return static_cast<uint64_t>(bytes);
}

Result<std::chrono::seconds> ReadSeconds(std::string_view text, std::chrono::seconds least, std::chrono::seconds most) {
  const auto bad = [&] {
    return InvalidArgument("'{}' is not a duration from {} s to {} s such as 90, 90s, 1h30m or 30d", text,
                           least.count(), most.count());
  };
  uint64_t total = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error != std::errc() || number > 1'000'000'000) return bad();
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
    uint64_t unit = 1;
    if (!rest.empty()) {
      unit = rest.front() == 'd'   ? 86400
             : rest.front() == 'h' ? 3600
             : rest.front() == 'm' ? 60
             : rest.front() == 's' ? 1
                                   : 0;
      rest.remove_prefix(1);
    }
    if (unit == 0) return bad();
    total += number * unit;
  }
  const auto seconds = std::chrono::seconds(total);
  if (text.empty() || seconds < least || seconds > most) return bad();
  return seconds;
}

}  // namespace slipway::config
