#include "daemon/store/run.h"

#include <algorithm>

namespace slipway::store {

namespace {
constexpr std::array<std::pair<RunState, std::string_view>, 8> kStates = {{{RunState::kQueued, "Queued"},
                                                                           {RunState::kStarted, "Started"},
                                                                           {RunState::kRunning, "Running"},
                                                                           {RunState::kSucceeded, "Succeeded"},
                                                                           {RunState::kFailed, "Failed"},
                                                                           {RunState::kCanceled, "Canceled"},
                                                                           {RunState::kError, "Error"},
                                                                           {RunState::kTimeout, "Timeout"}}};
}  // namespace

std::string_view StateName(RunState state) {
  for (const auto& [value, name] : kStates) {
    if (value == state) return name;
  }
  return "?";
}

std::optional<RunState> ParseState(std::string_view name) {
  for (const auto& [value, text] : kStates) {
    if (text == name) return value;
  }
  return std::nullopt;
}

bool IsActive(RunState state) { return state == RunState::kStarted || state == RunState::kRunning; }

bool IsFinal(RunState state) { return state != RunState::kQueued && !IsActive(state); }

bool CanMove(RunState from, RunState to) {
  if (IsFinal(from)) return false;
  if (to == RunState::kSucceeded) return from == RunState::kRunning;
  if (IsFinal(to)) return true;
  if (to == RunState::kQueued) return IsActive(from);
  if (to == RunState::kStarted) return from == RunState::kQueued;
  return from == RunState::kStarted;
}

std::string_view TypeName(RunType type) {
  switch (type) {
    case RunType::kQuickBuild: return "QuickBuild";
    case RunType::kQuickRun: return "QuickRun";
  }
  return "?";
}

std::optional<RunType> ParseType(std::string_view name) {
  for (const RunType type : {RunType::kQuickBuild, RunType::kQuickRun}) {
    if (TypeName(type) == name) return type;
  }
  return std::nullopt;
}

std::string MakeRunId(std::string_view prefix, int64_t number) {
  constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::string digits;
  do {
    digits.push_back(kDigits[static_cast<size_t>(number % 36)]);
    number /= 36;
  } while (number > 0);
  std::reverse(digits.begin(), digits.end());
  return fmt::format("{}{}", prefix, digits);
}

bool IsRunId(std::string_view id) {
  return id.size() >= 3 && id.size() <= 12 &&
         std::all_of(id.begin(), id.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

}  // namespace slipway::store
