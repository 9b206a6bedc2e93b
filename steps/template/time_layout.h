// LayoutReader: Go's reference-time layouts ("Mon Jan 2 15:04:05 2006") in pieces.
#pragma once

#include <string_view>

namespace slipway::run_template {

enum class Std {
  kNone,  ///< the end: `text` is what is left
  kLongMonth,
  kMonth,
  kNumMonth,
  kZeroMonth,
  kLongWeekday,
  kWeekday,
  kDay,
  kUnderDay,
  kZeroDay,
  kUnderYearDay,
  kZeroYearDay,
  kHour,
  kHour12,
  kZeroHour12,
  kMinute,
  kZeroMinute,
  kSecond,
  kZeroSecond,
  kLongYear,
  kYear,
  kUpperPm,
  kLowerPm,
  kZoneName,
  kZone,       ///< an offset; `pattern` is "-0700" and its like, with a Z in front if 0 is written so
  kFraction0,  ///< ".000": as many digits
  kFraction9,  ///< ".999": up to as many
};

struct LayoutChunk {
  std::string_view text;  ///< what stands before it and is taken as it is
  Std std = Std::kNone;
  std::string_view pattern;
};

/// The next piece, taken from the front of `layout`.
LayoutChunk NextChunk(std::string_view& layout);

}  // namespace slipway::run_template
