// ParseTemplate: tokens to trees, by the grammar of Go's text/template 1.19.
#pragma once

#include "executor/base/status.h"
#include "steps/template/tree.h"

namespace slipway::run_template {

/// INVALID_ARGUMENT with "name:line:column" for what is no template, names a function or variable that does not exist,
/// is nested too deep or too long.
Result<std::shared_ptr<const TemplateSet>> ParseTemplate(std::string_view name, std::string_view text);

}  // namespace slipway::run_template
