// ToValue: the data of a run as a template's dot.
#pragma once

#include "steps/template/data.h"
#include "steps/template/workspace.h"

namespace slipway::run_template {

/// Run, Build, Values, Secrets, ValuesJSON and RunJSON.
Value ToValue(Workspace& work, const Data& data);
/// JSON as Go's decoders of YAML have it: whole numbers are int, objects map[string]interface {}.
Value ToValue(Workspace& work, const nlohmann::json& json, int depth = 0);

}  // namespace slipway::run_template
