// Fetches the outputs of a run that has succeeded, one after the other, and puts each in its place.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/connection.h"
#include "cli/output_option.h"
#include "executor/base/context.h"
#include "executor/base/status.h"

namespace slipway::cli {

/// What can be known to be wrong with the places of outputs before anything is built.
Status CheckPlaces(const std::vector<OutputSpec>& specs);

/// `note` is told what was written. An output is there whole or not at all; those before one that fails stay.
Status FetchOutputs(const Context& ctx, Connection& connection, const std::string& run_id,
                    const std::vector<OutputSpec>& specs, const std::function<void(std::string_view)>& note);

}  // namespace slipway::cli
