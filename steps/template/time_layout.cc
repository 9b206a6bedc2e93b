#include "steps/template/time_layout.h"

#include <array>

namespace slipway::run_template {

namespace {

struct Known {
  std::string_view pattern;
  Std std;
};

// The longest of a common start first.
constexpr std::array<Known, 33> kKnown = {{
    {"January", Std::kLongMonth}, {"Jan", Std::kMonth},       {"Monday", Std::kLongWeekday}, {"Mon", Std::kWeekday},
    {"MST", Std::kZoneName},      {"002", Std::kZeroYearDay}, {"01", Std::kZeroMonth},       {"02", Std::kZeroDay},
    {"03", Std::kZeroHour12},     {"04", Std::kZeroMinute},   {"05", Std::kZeroSecond},      {"06", Std::kYear},
    {"15", Std::kHour},           {"1", Std::kNumMonth},      {"2006", Std::kLongYear},      {"2", Std::kDay},
    {"__2", Std::kUnderYearDay},  {"_2", Std::kUnderDay},     {"3", Std::kHour12},           {"4", Std::kMinute},
    {"5", Std::kSecond},          {"PM", Std::kUpperPm},      {"pm", Std::kLowerPm},         {"-070000", Std::kZone},
    {"-07:00:00", Std::kZone},    {"-0700", Std::kZone},      {"-07:00", Std::kZone},        {"-07", Std::kZone},
    {"Z070000", Std::kZone},      {"Z07:00:00", Std::kZone},  {"Z0700", Std::kZone},         {"Z07:00", Std::kZone},
    {"Z07", Std::kZone},
}};

bool StartsLower(std::string_view text) { return !text.empty() && text[0] >= 'a' && text[0] <= 'z'; }
bool IsDigitAt(std::string_view text, size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '9'; }

// What stands at the front of `layout`, if it is something.
const Known* Find(std::string_view layout) {
  for (const Known& known : kKnown) {
    if (!layout.starts_with(known.pattern)) continue;
    // "Janus" and "Month" are words.
    const bool word = known.std == Std::kMonth || known.std == Std::kWeekday;
    if (word && StartsLower(layout.substr(known.pattern.size()))) continue;
    return &known;
  }
  return nullptr;
}

// ".000" or ",999", if no other digit follows; 0 if not.
size_t FractionSize(std::string_view layout) {
  if (layout.size() < 2 || (layout[0] != '.' && layout[0] != ',') || (layout[1] != '0' && layout[1] != '9')) return 0;
  size_t end = 1;
  while (end < layout.size() && layout[end] == layout[1]) ++end;
  return IsDigitAt(layout, end) ? 0 : end;
}

}  // namespace

LayoutChunk NextChunk(std::string_view& layout) {
  const std::string_view whole = layout;
  for (size_t i = 0; i < whole.size(); ++i) {
    const std::string_view rest = whole.substr(i);
    if (const size_t fraction = FractionSize(rest); fraction != 0) {
      layout = rest.substr(fraction);
      return {whole.substr(0, i), rest[1] == '0' ? Std::kFraction0 : Std::kFraction9, rest.substr(0, fraction)};
    }
    // "_2006" is an underscore and a year.
    if (rest.starts_with("_2006")) {
      layout = rest.substr(5);
      return {whole.substr(0, i + 1), Std::kLongYear, rest.substr(1, 4)};
    }
    if (const Known* known = Find(rest)) {
      layout = rest.substr(known->pattern.size());
      return {whole.substr(0, i), known->std, rest.substr(0, known->pattern.size())};
    }
  }
  layout = {};
  return {whole, Std::kNone, {}};
}

}  // namespace slipway::run_template
