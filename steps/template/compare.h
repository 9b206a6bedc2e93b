// Comparison of values: Go templates' eq and lt, and reflect.DeepEqual. Work is counted; past the limit the answer is
// false and the workspace says why.
#pragma once

#include "executor/base/status.h"
#include "steps/template/workspace.h"

namespace slipway::run_template {

/// eq: the same value, integers of whatever type; nil equals nil only. INVALID_ARGUMENT for types that do not compare.
Result<bool> AreEqual(Workspace& work, const Value& a, const Value& b);
/// lt: integers, floats and strings, each with its like. INVALID_ARGUMENT for all else.
Result<bool> IsLess(const Value& a, const Value& b);
/// The same type and, all the way down, the same content.
bool DeepEqual(Workspace& work, const Value& a, const Value& b, int depth = 0);

}  // namespace slipway::run_template
