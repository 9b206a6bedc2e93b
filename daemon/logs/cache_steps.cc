#include "daemon/logs/cache_steps.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace slipway::logs {

namespace {

using Json = nlohmann::json;

Json ToJson(const CacheStep& step) {
  Json out = {{"vertex", step.vertex}, {"name", step.name}, {"outcome", static_cast<int>(step.outcome)}};
  const auto text = [&out](const char* member, const std::string& value) {
    if (!value.empty()) out[member] = value;
  };
  text("source", step.source);
  text("subject", step.subject);
  text("change", step.change);
  text("before", step.before);
  text("after", step.after);
  if (step.cause != CacheStep::Cause::kNone) out["cause"] = static_cast<int>(step.cause);
  if (step.more != 0) out["more"] = step.more;
  if (step.compared_with) out["compared_with"] = step.compared_with->time_since_epoch().count();
  return out;
}

CacheStep FromJson(const Json& json) {
  CacheStep out;
  out.vertex = json.at("vertex");
  out.name = json.at("name");
  out.outcome = static_cast<CacheStep::Outcome>(json.at("outcome").get<int>());
  out.source = json.value("source", "");
  out.cause = static_cast<CacheStep::Cause>(json.value("cause", 0));
  out.subject = json.value("subject", "");
  out.change = json.value("change", "");
  out.before = json.value("before", "");
  out.after = json.value("after", "");
  out.more = json.value("more", 0);
  if (const auto it = json.find("compared_with"); it != json.end()) {
    out.compared_with = SystemTime(SystemTime::duration(it->get<int64_t>()));
  }
  return out;
}

}  // namespace

std::string CacheStepsToJson(const std::vector<CacheStep>& steps) {
  Json out = Json::array();
  for (size_t i = 0; i < std::min(steps.size(), kMostCacheSteps); ++i) out.push_back(ToJson(steps[i]));
  // Names of files need not be UTF-8.
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::vector<CacheStep>> CacheStepsFromJson(std::string_view json) try {
  std::vector<CacheStep> out;
  for (const Json& step : Json::parse(json)) out.push_back(FromJson(step));
  return out;
} catch (const Json::exception& e) {
  return DataLoss("what the cache did cannot be read: {}", e.what());
}

}  // namespace slipway::logs
