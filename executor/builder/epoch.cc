#include "executor/builder/epoch.h"

#include <charconv>

namespace slipway::builder {

namespace {
constexpr std::string_view kArgument = "SOURCE_DATE_EPOCH";
}

Result<std::vector<NamedValue>> ArgumentsWithEpoch(const BuildRequest& request,
                                                   const std::optional<SystemTime>& commit_time) {
  std::vector<NamedValue> arguments = request.build_args;
  if (request.source_date_epoch.empty()) return arguments;
  std::string value = request.source_date_epoch;
  if (value == "commit") {
    if (!commit_time) {
      return FailedPrecondition(
          "the epoch is to be the commit's time, and the context is no git repository; give a "
          "number of seconds instead");
    }
    value = std::to_string(std::chrono::duration_cast<std::chrono::seconds>(commit_time->time_since_epoch()).count());
  }
  arguments.push_back({.name = std::string(kArgument), .value = std::move(value)});
  return arguments;
}

Result<std::optional<SystemTime>> EpochOf(const std::vector<NamedValue>& arguments) {
  std::optional<SystemTime> epoch;
  for (const NamedValue& arg : arguments) {
    if (arg.name != kArgument || arg.value.empty()) continue;
    int64_t seconds = 0;
    const auto [end, error] = std::from_chars(arg.value.data(), arg.value.data() + arg.value.size(), seconds);
    // What the clock's 64 bits of nanoseconds can hold.
    constexpr int64_t kMost = INT64_MAX / 1'000'000'000 - 1;
    if (error != std::errc() || end != arg.value.data() + arg.value.size() || seconds < 0 || seconds > kMost) {
      return InvalidArgument("build arg SOURCE_DATE_EPOCH='{}' is not a number of seconds since 1970", arg.value);
    }
    epoch = SystemTime(std::chrono::seconds(seconds));
  }
  return epoch;
}

}  // namespace slipway::builder
