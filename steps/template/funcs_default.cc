// sprig's defaults, JSON, types and copies.
#include "steps/template/compare.h"
#include "steps/template/format.h"
#include "steps/template/functions.h"
#include "steps/template/json.h"

namespace slipway::run_template {

namespace {

constexpr int kJsonIndent = 2;

Result<Value> Default(const Call& call) { return call.size() < 2 || IsEmpty(call[1]) ? call[0] : call[1]; }
Result<Value> Empty(const Call& call) { return Value::Bool(IsEmpty(call[0])); }

Result<Value> Coalesce(const Call& call) {
  for (const Value& value : call.args) {
    if (!IsEmpty(value)) return value;
  }
  return Value::Nil();
}

Result<Value> Ternary(const Call& call) { return call[2].boolean() ? call[0] : call[1]; }

Value Copy(Workspace& work, const Value& value, int depth) {
  if (!work.Enter(depth)) return Value::Nil();
  if (value.kind() == Kind::kList && !value.list().nil) {
    std::vector<Value> items;
    for (const Value& item : value.list().items) items.push_back(Copy(work, item, depth + 1));
    return work.NewList(std::move(items), value.list().element);
  }
  if (value.kind() == Kind::kDict) {
    const Value out = work.NewDict(value.dict().element);
    for (const auto& [key, item] : value.dict().items) work.Set(out.dict(), key, Copy(work, item, depth + 1));
    return out;
  }
  return value;
}

Result<Value> DeepCopy(const Call& call) { return Copy(call.work, call[0], 0); }

Result<Value> Json(const Call& call) { return call.Text(ToJson(call.work, call[0], 0)); }
Result<Value> PrettyJson(const Call& call) { return call.Text(ToJson(call.work, call[0], kJsonIndent)); }

Result<Value> TypeOf(const Call& call) { return Value::Text(TypeName(call[0])); }
Result<Value> TypeIs(const Call& call) { return Value::Bool(call.text(0) == TypeName(call[1])); }
Result<Value> TypeIsLike(const Call& call) {
  const std::string_view type = TypeName(call[1]);
  return Value::Bool(call.text(0) == type || "*" + std::string(call.text(0)) == type);
}
Result<Value> KindOf(const Call& call) { return Value::Text(KindName(call[0])); }
Result<Value> KindIs(const Call& call) { return Value::Bool(call.text(0) == KindName(call[1])); }
Result<Value> DeepEqualOf(const Call& call) { return Value::Bool(DeepEqual(call.work, call[0], call[1])); }

using T = Type;
constexpr std::array kFunctions = {
    Function{"default", Default, {T::kAny, T::kAny}, true},
    Function{"empty", Empty, {T::kAny}},
    Function{"coalesce", Coalesce, {T::kAny}, true},
    Function{"ternary", Ternary, {T::kAny, T::kAny, T::kBool}},
    Function{"deepCopy", DeepCopy, {T::kAny}},
    Function{"toJson", Json, {T::kAny}},
    Function{"toPrettyJson", PrettyJson, {T::kAny}},
    Function{"typeOf", TypeOf, {T::kAny}},
    Function{"typeIs", TypeIs, {T::kString, T::kAny}},
    Function{"typeIsLike", TypeIsLike, {T::kString, T::kAny}},
    Function{"kindOf", KindOf, {T::kAny}},
    Function{"kindIs", KindIs, {T::kString, T::kAny}},
    Function{"deepEqual", DeepEqualOf, {T::kAny, T::kAny}},
};

}  // namespace

std::span<const Function> DefaultFunctions() { return kFunctions; }

}  // namespace slipway::run_template
