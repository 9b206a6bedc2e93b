#include "cli/cache_format.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "cli/run_format.h"

namespace slipway::cli {

namespace {

std::string Outcome(v1::CacheOutcome outcome) {
  if (outcome == v1::CACHE_OUTCOME_LOCAL) return "hit";
  if (outcome == v1::CACHE_OUTCOME_IMPORTED) return "imported";
  if (outcome == v1::CACHE_OUTCOME_SHARED) return "shared";
  if (outcome == v1::CACHE_OUTCOME_MISS) return "miss";
  return "unknown";
}

// CACHE_MISS_CAUSE_STEP_BELOW: "step-below".
std::string Cause(v1::CacheMissCause cause) {
  constexpr std::string_view kPrefix = "CACHE_MISS_CAUSE_";
  std::string name = v1::CacheMissCause_Name(cause);
  if (name.starts_with(kPrefix)) name.erase(0, kPrefix.size());
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return c == '_' ? '-' : static_cast<char>(std::tolower(c)); });
  return name;
}

// Control characters, so that a row stays a row.
std::string OneLine(const std::string& text) {
  std::string out;
  for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  return out;
}

}  // namespace

std::string CacheTable(const v1::GetRunCacheResponse& cache) {
  std::vector<std::vector<std::string>> rows = {{"STEP", "CACHE", "WHY"}};
  for (const v1::StepCache& step : cache.steps()) {
    rows.push_back({OneLine(step.name()), Outcome(step.outcome()), OneLine(step.text())});
  }
  return Table(rows);
}

std::string CacheJson(const v1::GetRunCacheResponse& cache) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const v1::StepCache& step : cache.steps()) {
    nlohmann::ordered_json& to = out.emplace_back();
    to["vertex"] = step.vertex();
    to["name"] = step.name();
    to["cache"] = Outcome(step.outcome());
    if (!step.source().empty()) to["source"] = step.source();
    if (step.cause() != v1::CACHE_MISS_CAUSE_UNSPECIFIED) {
      to["cause"] = Cause(step.cause());
      to["subject"] = step.subject();
      to["change"] = step.change();
      to["before"] = step.before();
      to["after"] = step.after();
      to["more"] = step.more();
    }
    if (step.has_compared_with()) {
      to["comparedWith"] = google::protobuf::util::TimeUtil::ToString(step.compared_with());
    }
    to["text"] = step.text();
  }
  return out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace slipway::cli
