// Values and texts as Go's standard library reads and prints them, where a Dockerfile or an image's history shows it:
// quoted strings, durations, booleans, CSV. Pure functions; errors are INVALID_ARGUMENT and quote the value.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/flag_values.h"
#include "executor/base/status.h"

namespace slipway::dockerfile {

/// As %q: in double quotes, with escapes for what cannot be printed. `CMD ["sh"]` in a history is made of these.
std::string Quote(std::string_view text);
/// As %q of a slice: ["a" "b"].
std::string QuoteList(std::span<const std::string> texts);
/// As %v of a slice: [a b].
std::string PlainList(std::span<const std::string> texts);

/// "1h30m", "1.5s", "100us"; a number needs a unit, only "0" does not.
Result<std::chrono::nanoseconds> ParseDuration(std::string_view text);
/// "1h30m0s", "1.5s", "0s".
std::string FormatDuration(std::chrono::nanoseconds duration);

/// 1 t T TRUE true True 0 f F FALSE false False.
Result<bool> ParseBool(std::string_view text);
/// A number without sign in the given base that fits 32 bits.
Result<uint32_t> ParseUint32(std::string_view text, int base);
using slipway::ParseByteSize;
using slipway::SplitCsv;

}  // namespace slipway::dockerfile
