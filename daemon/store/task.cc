#include "daemon/store/task.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace slipway::store {

namespace {

constexpr std::array<std::pair<Verdict, std::string_view>, 6> kVerdicts = {{{Verdict::kPending, "Pending"},
                                                                            {Verdict::kRun, "Run"},
                                                                            {Verdict::kSkipped, "Skipped"},
                                                                            {Verdict::kRepeated, "Repeated"},
                                                                            {Verdict::kRefused, "Refused"},
                                                                            {Verdict::kFailed, "Failed"}}};

bool IsWord(std::string_view text, size_t least) {
  constexpr size_t kLongest = 50;
  return text.size() >= least && text.size() <= kLongest && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

}  // namespace

std::string TimerKey(const TimerTrigger& timer) { return timer.schedule + " " + timer.time_zone; }

const std::string& SourceOf(const Task& task) {
  if (const auto* build = std::get_if<task::QuickBuild>(&task.step)) return build->source_location;
  return std::get<task::FileTask>(task.step).source_location;
}

bool IsTaskName(std::string_view name) { return IsWord(name, 5); }

bool IsTriggerName(std::string_view name) { return IsWord(name, 1); }

std::string_view VerdictName(Verdict verdict) {
  for (const auto& [value, name] : kVerdicts) {
    if (value == verdict) return name;
  }
  return "";
}

std::optional<Verdict> ParseVerdict(std::string_view name) {
  for (const auto& [value, known] : kVerdicts) {
    if (known == name) return value;
  }
  return std::nullopt;
}

std::string DeliveryId(int64_t number) { return "d" + std::to_string(number); }

std::optional<int64_t> ParseDeliveryId(std::string_view id) {
  int64_t number = 0;
  if (!id.starts_with('d')) return std::nullopt;
  id.remove_prefix(1);
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (error != std::errc() || end != id.data() + id.size() || number < 1) return std::nullopt;
  return number;
}

}  // namespace slipway::store
