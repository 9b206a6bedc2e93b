#include "executor/runtime/ulimit.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "executor/base/near_miss.h"

namespace slipway::runtime {

namespace {

constexpr std::array<std::string_view, 16> kNames = {"as",      "core",     "cpu",        "data",   "fsize", "locks",
                                                     "memlock", "msgqueue", "nice",       "nofile", "nproc", "rss",
                                                     "rtprio",  "rttime",   "sigpending", "stack"};

std::optional<int64_t> Limit(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < -1) return std::nullopt;
  return value;
}

}  // namespace

bool IsUlimitName(std::string_view name) { return std::find(kNames.begin(), kNames.end(), name) != kNames.end(); }

Result<Ulimit> ParseUlimit(std::string_view text) {
  const size_t equals = text.find('=');
  const std::string_view value = equals == std::string_view::npos ? std::string_view() : text.substr(equals + 1);
  const size_t colon = value.find(':');
  const std::optional<int64_t> soft = Limit(value.substr(0, colon));
  const std::optional<int64_t> hard = colon == std::string_view::npos ? soft : Limit(value.substr(colon + 1));
  if (!soft || !hard) {
    return InvalidArgument("ulimit '{}' is not of the form NAME=SOFT[:HARD], with -1 for unlimited", text);
  }
  const std::string_view name = text.substr(0, equals);
  if (!IsUlimitName(name)) {
    return InvalidArgument("ulimit '{}': there is no limit '{}'{}", text, name, DidYouMean(name, kNames));
  }
  const bool above = *hard != -1 && (*soft == -1 || *soft > *hard);
  if (above) return InvalidArgument("ulimit '{}': the soft limit is above the hard one", text);
  return Ulimit{.name = std::string(name), .soft = *soft, .hard = *hard};
}

}  // namespace slipway::runtime
