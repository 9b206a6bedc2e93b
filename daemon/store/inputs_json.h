// The inputs of a quick build as they are stored: JSON without the values of secrets.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "steps/task/quick_build_inputs.h"

namespace slipway::store {

nlohmann::json InputsToJson(const task::QuickBuildInputs& inputs);
/// Throws nlohmann::json::exception for what InputsToJson did not write.
task::QuickBuildInputs InputsFromJson(const nlohmann::json& json);

}  // namespace slipway::store
