#include "daemon/store/inputs_json.h"

#include <nlohmann/json.hpp>

namespace slipway::store {

nlohmann::json InputsToJson(const task::QuickBuildInputs& inputs) {
  // Whatever the secrets hold, their values are not written here: they are sealed apart.
  std::vector<std::string> ids;
  for (const builder::Secret& secret : inputs.secrets) ids.push_back(secret.id);
  return {{"secrets", ids},
          {"ssh", inputs.ssh},
          {"contexts", inputs.build_contexts},
          {"ulimits", inputs.ulimits},
          {"shm", inputs.shm_size_bytes},
          {"allow", inputs.allow}};
}

task::QuickBuildInputs InputsFromJson(const nlohmann::json& json) {
  task::QuickBuildInputs inputs;
  for (const nlohmann::json& id : json.at("secrets")) {
    inputs.secrets.push_back({.id = id.get<std::string>(), .value = {}});
  }
  inputs.ssh = json.at("ssh").get<std::vector<std::string>>();
  inputs.build_contexts = json.at("contexts").get<std::map<std::string, std::string>>();
  inputs.ulimits = json.at("ulimits").get<std::vector<std::string>>();
  inputs.shm_size_bytes = json.at("shm").get<uint64_t>();
  inputs.allow = json.at("allow").get<std::vector<std::string>>();
  return inputs;
}

}  // namespace slipway::store
