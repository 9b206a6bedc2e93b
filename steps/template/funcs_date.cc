// sprig's functions on dates.
#include "executor/base/clock.h"
#include "steps/template/functions.h"
#include "steps/template/go_time.h"

namespace slipway::run_template {

namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr uint64_t kZoneSteps = 100;  // a file is read

GoTime Now() { return FromSystem(Clock::Real().System()); }

// A time, or seconds since 1970; now for anything else.
GoTime TimeOf(const Value& value) {
  if (value.kind() == Kind::kTime) return value.time();
  if (value.kind() == Kind::kInt || value.kind() == Kind::kInt64) return {.seconds = value.integer()};
  return Now();
}

Result<Value> Formatted(const Call& call, std::string_view layout, const Value& date, std::string_view zone) {
  if (!call.work.Spend(kZoneSteps) || !call.work.Reserve(layout.size() * 8)) return Value();
  GoTime time = TimeOf(date);
  std::shared_ptr<const Zone> found = LoadZone(zone);
  time.zone = found ? std::move(found) : UtcZone();
  return call.Text(FormatLayout(time, layout));
}

constexpr std::string_view kHtmlDate = "2006-01-02";

Result<Value> Date(const Call& call) { return Formatted(call, call.text(0), call[1], "Local"); }
Result<Value> DateInZone(const Call& call) { return Formatted(call, call.text(0), call[1], call.text(2)); }
Result<Value> HtmlDate(const Call& call) { return Formatted(call, kHtmlDate, call[0], "Local"); }
Result<Value> HtmlDateInZone(const Call& call) { return Formatted(call, kHtmlDate, call[0], call.text(1)); }
Result<Value> NowOf(const Call& call) { return call.work.NewTime(Now()); }

// A duration that is none leaves the date as it is.
Result<Value> DateModify(const Call& call) {
  const std::optional<int64_t> duration = ParseDuration(call.text(0));
  if (!duration) return call[1];
  return call.work.NewTime(Plus(call[1].time(), *duration));
}

Result<Value> Ago(const Call& call) {
  const int64_t since = Minus(Now(), TimeOf(call[0]));
  const int64_t rest = since % kSecond;
  // Halves away from zero, as Go rounds a duration.
  const int64_t up = rest >= kSecond / 2 ? kSecond : rest <= -kSecond / 2 ? -kSecond : 0;
  return call.Text(DurationString(since - rest + up));
}

Result<Value> ToDate(const Call& call) {
  return call.work.NewTime(ParseLayout(call.text(0), call.text(1)).value_or(ZeroTime()));
}

Result<Value> UnixEpoch(const Call& call) { return call.Text(std::to_string(call[0].time().seconds)); }

using T = Type;
constexpr std::array kFunctions = {
    Function{"date", Date, {T::kString, T::kAny}},
    Function{"date_in_zone", DateInZone, {T::kString, T::kAny, T::kString}},
    Function{"dateInZone", DateInZone, {T::kString, T::kAny, T::kString}},
    Function{"date_modify", DateModify, {T::kString, T::kTime}},
    Function{"dateModify", DateModify, {T::kString, T::kTime}},
    Function{"now", NowOf, {}},
    Function{"htmlDate", HtmlDate, {T::kAny}},
    Function{"htmlDateInZone", HtmlDateInZone, {T::kAny, T::kString}},
    Function{"ago", Ago, {T::kAny}},
    Function{"toDate", ToDate, {T::kString, T::kString}},
    Function{"unixEpoch", UnixEpoch, {T::kTime}},
};

}  // namespace

std::span<const Function> DateFunctions() { return kFunctions; }

}  // namespace slipway::run_template
