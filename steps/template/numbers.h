// sprig's conversions of any value to a number: what is none is 0.
#pragma once

#include "steps/template/value.h"

namespace slipway::run_template {

int64_t ToInt64(const Value& value);
double ToFloat64(const Value& value);

}  // namespace slipway::run_template
