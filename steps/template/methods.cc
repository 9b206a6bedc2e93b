// Methods of the Go types that templates meet: "now.Year", "(semver .Values.v).Major".
#include <algorithm>

#include "steps/template/format.h"
#include "steps/template/functions.h"
#include "steps/template/go_time.h"
#include "steps/template/semver.h"

namespace slipway::run_template {

namespace {

constexpr double kSecond = 1e9;
// Years that a date can be moved to; further is no date that anybody means.
constexpr int64_t kMaxShift = 1'000'000;

using T = Type;

Value Int64(int64_t value) { return Value::Number(Kind::kInt64, value); }
int64_t Compared(const Call& call) { return Minus(call[0].time(), call[1].time()); }

Result<Value> TimeAddDate(const Call& call) {
  for (size_t i = 1; i <= 3; ++i) {
    if (call.integer(i) > kMaxShift || call.integer(i) < -kMaxShift)
      return InvalidArgument("{} is too far", call.integer(i));
  }
  const GoTime& time = call[0].time();
  const CivilTime civil = CivilOf(time);
  GoTime out = time;
  const int64_t local = FromCivil(civil.year + call.integer(1), civil.month + call.integer(2),
                                  civil.day + call.integer(3), civil.hour, civil.minute, civil.second);
  out.seconds = local - time.zone->At(local - time.zone->At(time.seconds).seconds).seconds;
  return call.work.NewTime(std::move(out));
}

Result<Value> InZone(const Call& call) {
  GoTime out = call[0].time();
  out.zone = UtcZone();
  return call.work.NewTime(std::move(out));
}

Result<Value> StringMethod(const Call& call) { return call.Text(StringOf(call[0])); }

constexpr std::array kTime = {
    Function{"String", StringMethod, {T::kTime}},
    Function{"Format",
             [](const Call& c) -> Result<Value> {
               if (!c.work.Reserve(c.text(1).size() * 8)) return Value();
               return c.Text(FormatLayout(c[0].time(), c.text(1)));
             },
             {T::kTime, T::kString}},
    Function{"Unix", [](const Call& c) -> Result<Value> { return Int64(c[0].time().seconds); }, {T::kTime}},
    Function{
        "UnixNano", [](const Call& c) -> Result<Value> { return Int64(Minus(c[0].time(), GoTime{})); }, {T::kTime}},
    Function{"UnixMilli",
             [](const Call& c) -> Result<Value> {
               return Int64(c[0].time().seconds * 1000 + c[0].time().nanoseconds / 1'000'000);
             },
             {T::kTime}},
    Function{"Year", [](const Call& c) -> Result<Value> { return Value::Int(CivilOf(c[0].time()).year); }, {T::kTime}},
    Function{"Month",
             [](const Call& c) -> Result<Value> { return Value::Number(Kind::kMonth, CivilOf(c[0].time()).month); },
             {T::kTime}},
    Function{"Day", [](const Call& c) -> Result<Value> { return Value::Int(CivilOf(c[0].time()).day); }, {T::kTime}},
    Function{"Hour", [](const Call& c) -> Result<Value> { return Value::Int(CivilOf(c[0].time()).hour); }, {T::kTime}},
    Function{
        "Minute", [](const Call& c) -> Result<Value> { return Value::Int(CivilOf(c[0].time()).minute); }, {T::kTime}},
    Function{
        "Second", [](const Call& c) -> Result<Value> { return Value::Int(CivilOf(c[0].time()).second); }, {T::kTime}},
    Function{
        "Nanosecond", [](const Call& c) -> Result<Value> { return Value::Int(c[0].time().nanoseconds); }, {T::kTime}},
    Function{"Weekday",
             [](const Call& c) -> Result<Value> { return Value::Number(Kind::kWeekday, CivilOf(c[0].time()).weekday); },
             {T::kTime}},
    Function{"YearDay",
             [](const Call& c) -> Result<Value> { return Value::Int(CivilOf(c[0].time()).year_day); },
             {T::kTime}},
    Function{"UTC", InZone, {T::kTime}},
    Function{"Local", InZone, {T::kTime}},
    Function{"Add",
             [](const Call& c) -> Result<Value> { return c.work.NewTime(Plus(c[0].time(), c.integer(1))); },
             {T::kTime, T::kDuration}},
    Function{"AddDate", TimeAddDate, {T::kTime, T::kInt, T::kInt, T::kInt}},
    Function{"Sub",
             [](const Call& c) -> Result<Value> { return Value::Number(Kind::kDuration, Compared(c)); },
             {T::kTime, T::kTime}},
    Function{
        "Before", [](const Call& c) -> Result<Value> { return Value::Bool(Compared(c) < 0); }, {T::kTime, T::kTime}},
    Function{
        "After", [](const Call& c) -> Result<Value> { return Value::Bool(Compared(c) > 0); }, {T::kTime, T::kTime}},
    Function{
        "Equal", [](const Call& c) -> Result<Value> { return Value::Bool(Compared(c) == 0); }, {T::kTime, T::kTime}},
    Function{"IsZero",
             [](const Call& c) -> Result<Value> { return Value::Bool(Minus(c[0].time(), ZeroTime()) == 0); },
             {T::kTime}},
};

constexpr std::array kDuration = {
    Function{"String", StringMethod, {T::kDuration}},
    Function{"Hours",
             [](const Call& c) -> Result<Value> {
               return Value::Float(static_cast<double>(c.integer(0)) / (3600 * kSecond));
             },
             {T::kDuration}},
    Function{
        "Minutes",
        [](const Call& c) -> Result<Value> { return Value::Float(static_cast<double>(c.integer(0)) / (60 * kSecond)); },
        {T::kDuration}},
    Function{"Seconds",
             [](const Call& c) -> Result<Value> { return Value::Float(static_cast<double>(c.integer(0)) / kSecond); },
             {T::kDuration}},
    Function{
        "Milliseconds", [](const Call& c) -> Result<Value> { return Int64(c.integer(0) / 1'000'000); }, {T::kDuration}},
    Function{"Microseconds", [](const Call& c) -> Result<Value> { return Int64(c.integer(0) / 1000); }, {T::kDuration}},
    Function{"Nanoseconds", [](const Call& c) -> Result<Value> { return Int64(c.integer(0)); }, {T::kDuration}},
};

constexpr std::array kName = {Function{"String", StringMethod, {T::kInt}}};

int64_t VersionOrder(const Call& call) { return Compare(call[0].version(), call[1].version()); }

constexpr std::array kVersion = {
    Function{"String", StringMethod, {T::kVersion}},
    Function{"Major",
             [](const Call& c) -> Result<Value> { return Int64(static_cast<int64_t>(c[0].version().major)); },
             {T::kVersion}},
    Function{"Minor",
             [](const Call& c) -> Result<Value> { return Int64(static_cast<int64_t>(c[0].version().minor)); },
             {T::kVersion}},
    Function{"Patch",
             [](const Call& c) -> Result<Value> { return Int64(static_cast<int64_t>(c[0].version().patch)); },
             {T::kVersion}},
    Function{
        "Prerelease", [](const Call& c) -> Result<Value> { return c.Text(c[0].version().prerelease); }, {T::kVersion}},
    Function{"Metadata", [](const Call& c) -> Result<Value> { return c.Text(c[0].version().metadata); }, {T::kVersion}},
    Function{"Original", [](const Call& c) -> Result<Value> { return c.Text(c[0].version().original); }, {T::kVersion}},
    Function{"Compare",
             [](const Call& c) -> Result<Value> { return Value::Int(VersionOrder(c)); },
             {T::kVersion, T::kVersion}},
    Function{"Equal",
             [](const Call& c) -> Result<Value> { return Value::Bool(VersionOrder(c) == 0); },
             {T::kVersion, T::kVersion}},
    Function{"LessThan",
             [](const Call& c) -> Result<Value> { return Value::Bool(VersionOrder(c) < 0); },
             {T::kVersion, T::kVersion}},
    Function{"GreaterThan",
             [](const Call& c) -> Result<Value> { return Value::Bool(VersionOrder(c) > 0); },
             {T::kVersion, T::kVersion}},
};

std::span<const Function> MethodsOf(Kind kind) {
  if (kind == Kind::kTime) return kTime;
  if (kind == Kind::kDuration) return kDuration;
  if (kind == Kind::kMonth || kind == Kind::kWeekday) return kName;
  if (kind == Kind::kVersion) return kVersion;
  return {};
}

}  // namespace

const Function* FindMethod(const Value& receiver, std::string_view name) {
  for (const Function& method : MethodsOf(receiver.kind())) {
    if (method.name == name) return &method;
  }
  return nullptr;
}

}  // namespace slipway::run_template
