// The values of RUN --mount and --device. Pure functions; errors are INVALID_ARGUMENT.
#pragma once

#include <string_view>

#include "executor/base/status.h"
#include "executor/dockerfile/instructions.h"
#include "executor/dockerfile/word_expander.h"

namespace slipway::dockerfile {

/// "type=cache,target=/c,ro". Without an expander only `from` is read, as the rest may hold variables; the options are
/// then not checked either. After an error `fault` is the option that it is about, or the whole flag.
Result<Mount> ParseMount(std::string_view text, const WordExpander* expander, std::string* fault = nullptr);

/// "vendor.com/class=name,required".
Result<Device> ParseDevice(std::string_view text);

}  // namespace slipway::dockerfile
