// sprig's arithmetic: 64-bit integers that wrap around, as Go's do, and floats.
#include <algorithm>
#include <cmath>
#include <limits>

#include "steps/template/format.h"
#include "steps/template/functions.h"
#include "steps/template/go_text.h"
#include "steps/template/numbers.h"

namespace slipway::run_template {

namespace {

// Go's conversion on amd64: what does not fit is the smallest number.
int64_t Truncated(double value) {
  if (!(value >= -0x1p63 && value < 0x1p63)) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(value);
}

Value Int64(uint64_t bits) { return Value::Number(Kind::kInt64, static_cast<int64_t>(bits)); }
uint64_t Bits(const Value& value) { return static_cast<uint64_t>(ToInt64(value)); }

Result<Value> ToInt64Of(const Call& call) { return Int64(Bits(call[0])); }
Result<Value> ToIntOf(const Call& call) { return Value::Int(ToInt64(call[0])); }
Result<Value> ToFloatOf(const Call& call) { return Value::Float(ToFloat64(call[0])); }

// strconv.Atoi with its error dropped: 0 for what is no number, the nearest one for what is too large.
Result<Value> Atoi(const Call& call) {
  std::string_view text = call.text(0);
  if (const std::optional<int64_t> value = ParseInt(text, 10)) return Value::Int(*value);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return Value::Int(0);
  return Value::Int(negative ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max());
}

Result<Value> ToDecimal(const Call& call) {
  return Int64(static_cast<uint64_t>(ParseInt(Sprint(call.work, call.args), 8).value_or(0)));
}

Result<Value> Until(const Call& call, int64_t start, int64_t stop, int64_t step) {
  const bool down = stop < start;
  if (down ? step >= 0 : step <= 0) return call.work.NewList({}, Element::kInt);
  const uint64_t distance = down ? static_cast<uint64_t>(start) - static_cast<uint64_t>(stop)
                                 : static_cast<uint64_t>(stop) - static_cast<uint64_t>(start);
  const uint64_t stride = down ? ~static_cast<uint64_t>(step) + 1 : static_cast<uint64_t>(step);
  const uint64_t count = distance / stride + (distance % stride == 0 ? 0 : 1);
  // Counted before it is made, and once more as a list.
  if (!call.work.Spend(count) || !call.work.Reserve(count * sizeof(Value))) return Value();
  std::vector<Value> items;
  items.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    items.push_back(Value::Int(static_cast<int64_t>(static_cast<uint64_t>(start) + i * static_cast<uint64_t>(step))));
  }
  return call.work.NewList(std::move(items), Element::kInt);
}

Result<Value> UntilCount(const Call& call) { return Until(call, 0, call.integer(0), call.integer(0) < 0 ? -1 : 1); }
Result<Value> UntilStep(const Call& call) { return Until(call, call.integer(0), call.integer(1), call.integer(2)); }

Result<Value> Add1(const Call& call) { return Int64(Bits(call[0]) + 1); }
Result<Value> Add(const Call& call) {
  uint64_t sum = 0;
  for (const Value& value : call.args) sum += Bits(value);
  return Int64(sum);
}
Result<Value> Sub(const Call& call) { return Int64(Bits(call[0]) - Bits(call[1])); }
Result<Value> Mul(const Call& call) {
  uint64_t product = 1;
  for (const Value& value : call.args) product *= Bits(value);
  return Int64(product);
}
Result<Value> Div(const Call& call) {
  const int64_t divisor = ToInt64(call[1]);
  if (divisor == 0) return InvalidArgument("integer divide by zero");
  if (divisor == -1) return Int64(~Bits(call[0]) + 1);
  return Int64(static_cast<uint64_t>(ToInt64(call[0]) / divisor));
}
Result<Value> Mod(const Call& call) {
  const int64_t divisor = ToInt64(call[1]);
  if (divisor == 0) return InvalidArgument("integer divide by zero");
  return Int64(divisor == -1 ? 0 : static_cast<uint64_t>(ToInt64(call[0]) % divisor));
}

Result<Value> Max(const Call& call) {
  int64_t best = ToInt64(call[0]);
  for (const Value& value : call.args) best = std::max(best, ToInt64(value));
  return Value::Number(Kind::kInt64, best);
}
Result<Value> Min(const Call& call) {
  int64_t best = ToInt64(call[0]);
  for (const Value& value : call.args) best = std::min(best, ToInt64(value));
  return Value::Number(Kind::kInt64, best);
}

Result<Value> Ceil(const Call& call) { return Value::Float(std::ceil(ToFloat64(call[0]))); }
Result<Value> Floor(const Call& call) { return Value::Float(std::floor(ToFloat64(call[0]))); }

Result<Value> Round(const Call& call) {
  const double power = std::pow(10.0, static_cast<double>(call.integer(1)));
  const double digit = power * ToFloat64(call[0]);
  const double round_on = call.size() > 2 ? call[2].number() : 0.5;
  double whole = 0;
  const double rest = std::modf(digit, &whole);
  return Value::Float((rest >= round_on ? std::ceil(digit) : std::floor(digit)) / power);
}

using T = Type;
constexpr std::array kFunctions = {
    Function{"atoi", Atoi, {T::kString}},
    Function{"int64", ToInt64Of, {T::kAny}},
    Function{"int", ToIntOf, {T::kAny}},
    Function{"float64", ToFloatOf, {T::kAny}},
    Function{"toDecimal", ToDecimal, {T::kAny}},
    Function{"until", UntilCount, {T::kInt}},
    Function{"untilStep", UntilStep, {T::kInt, T::kInt, T::kInt}},
    Function{"add1", Add1, {T::kAny}},
    Function{"add", Add, {T::kAny}, true},
    Function{"sub", Sub, {T::kAny, T::kAny}},
    Function{"div", Div, {T::kAny, T::kAny}},
    Function{"mod", Mod, {T::kAny, T::kAny}},
    Function{"mul", Mul, {T::kAny, T::kAny}, true},
    Function{"biggest", Max, {T::kAny, T::kAny}, true},
    Function{"max", Max, {T::kAny, T::kAny}, true},
    Function{"min", Min, {T::kAny, T::kAny}, true},
    Function{"ceil", Ceil, {T::kAny}},
    Function{"floor", Floor, {T::kAny}},
    Function{"round", Round, {T::kAny, T::kInt, T::kFloat}, true},
};

}  // namespace

int64_t ToInt64(const Value& value) {
  if (value.kind() == Kind::kString) return ParseInt(value.text(), 10).value_or(0);
  if (value.IsInteger()) return value.integer();
  if (value.kind() == Kind::kFloat) return Truncated(value.number());
  return value.kind() == Kind::kBool && value.boolean() ? 1 : 0;
}

double ToFloat64(const Value& value) {
  if (value.kind() == Kind::kString) return ParseFloat(value.text()).value_or(0);
  if (value.IsInteger()) return static_cast<double>(value.integer());
  if (value.kind() == Kind::kFloat) return value.number();
  return value.kind() == Kind::kBool && value.boolean() ? 1 : 0;
}

std::span<const Function> MathFunctions() { return kFunctions; }

}  // namespace slipway::run_template
