// The file of a run's events: a record after the other, each a length (varint) and so many bytes.
//
// A record holds, all as varints: kind, sequence, nanoseconds since 1970, a bit mask of the members that follow, then
// those: texts with their length in front, numbers as they are. Readers pass over records of kinds that they do not
// know. A crash may cut the last record; what is cut is taken off when the file is written again.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "daemon/logs/run_event.h"
#include "executor/base/status.h"

namespace slipway::logs {

/// No record is larger.
inline constexpr size_t kMaxRecord = 2U << 20;

void AppendRecord(const RunEvent& event, std::string* out);

/// Takes the first record off `bytes`. nullopt if it is not whole. DATA_LOSS if it is none.
Result<std::optional<RunEvent>> TakeRecord(std::string_view* bytes);

}  // namespace slipway::logs
