// JSON as Go's encoding/json writes it: sorted keys, '<', '>', '&' and the line separators of JavaScript escaped.
#pragma once

#include <string>
#include <string_view>

#include "steps/template/workspace.h"

namespace slipway::run_template {

/// "" for what has no JSON (a float that is no number, a value past the workspace's limits). `indent` blanks a level,
/// or all on one line if 0.
std::string ToJson(Workspace& work, const Value& value, int indent);
void AppendJsonString(std::string_view text, std::string* out);
/// A finite number.
std::string JsonNumber(double value);

}  // namespace slipway::run_template
