// Page tokens of lists of runs: opaque to clients; they hold the number of the last run given and a mark of the filter.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/store/run_store.h"

namespace slipway::store {

std::string MakePageToken(int64_t last_number, const RunFilter& filter);
/// The number. INVALID_ARGUMENT for other texts and for the token of another filter.
Result<int64_t> ReadPageToken(std::string_view token, const RunFilter& filter);

}  // namespace slipway::store
