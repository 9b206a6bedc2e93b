// ExecuteTemplate: walks a template's tree over data and writes what it says, by the rules of Go's text/template 1.19
// with missingkey=zero.
#pragma once

#include "steps/template/tree.h"
#include "steps/template/workspace.h"

namespace slipway::run_template {

/// The output of the main template; at most `limits.output_bytes`.
Result<std::string> ExecuteTemplate(const TemplateSet& set, const Value& data, const Limits& limits, Workspace& work);

}  // namespace slipway::run_template
