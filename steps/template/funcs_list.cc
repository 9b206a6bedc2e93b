// sprig's functions on lists. A list never changes: each makes a new one.
#include <algorithm>

#include "steps/template/compare.h"
#include "steps/template/functions.h"
#include "steps/template/numbers.h"

namespace slipway::run_template {

namespace {

using Items = std::vector<Value>;

// The elements of an argument that must be a list.
Result<const Items*> ItemsOf(const Call& call, size_t i, std::string_view action) {
  if (call[i].kind() != Kind::kList) {
    const std::string_view kind = call[i].IsNil() ? std::string_view("nil") : KindName(call[i]);
    return InvalidArgument("cannot {} on type {}", action, kind);
  }
  if (!call.work.Spend(call[i].list().items.size())) return call.work.status();
  return &call[i].list().items;
}

Result<Value> List(const Call& call) { return call.work.NewList(Items(call.args.begin(), call.args.end())); }

Result<Value> Push(const Call& call) {
  SLIPWAY_ASSIGN_OR_RETURN(const Items* items, ItemsOf(call, 0, "push"));
  Items out = *items;
  out.push_back(call[1]);
  return call.work.NewList(std::move(out));
}

Result<Value> Prepend(const Call& call) {
  SLIPWAY_ASSIGN_OR_RETURN(const Items* items, ItemsOf(call, 0, "prepend"));
  Items out = {call[1]};
  out.insert(out.end(), items->begin(), items->end());
  return call.work.NewList(std::move(out));
}

Result<Value> First(const Call& call) {
  SLIPWAY_ASSIGN_OR_RETURN(const Items* items, ItemsOf(call, 0, "find first"));
  return items->empty() ? Value::Nil() : items->front();
}

Result<Value> Last(const Call& call) {
  SLIPWAY_ASSIGN_OR_RETURN(const Items* items, ItemsOf(call, 0, "find last"));
  return items->empty() ? Value::Nil() : items->back();
}

Result<Value> Rest(const Call& call) {
  SLIPWAY_ASSIGN_OR_RETURN(const Items* items, ItemsOf(call, 0, "find rest"));
  if (items->empty()) return call.work.NilList();
  return call.work.NewList(Items(items->begin() + 1, items->end()));
}

Result<Value> Initial(const Call& call) {
  SLIPWAY_ASSIGN_OR_RETURN(const Items* items, ItemsOf(call, 0, "find initial"));
  if (items->empty()) return call.work.NilList();
  return call.work.NewList(Items(items->begin(), items->end() - 1));
}

Result<Value> Reverse(const Call& call) {
  SLIPWAY_ASSIGN_OR_RETURN(const Items* items, ItemsOf(call, 0, "find reverse"));
  return call.work.NewList(Items(items->rbegin(), items->rend()));
}

Result<Value> Compact(const Call& call) {
  SLIPWAY_ASSIGN_OR_RETURN(const Items* items, ItemsOf(call, 0, "compact"));
  Items out;
  std::copy_if(items->begin(), items->end(), std::back_inserter(out), IsTrue);
  return call.work.NewList(std::move(out));
}

bool Holds(Workspace& work, std::span<const Value> items, const Value& value) {
  return std::any_of(items.begin(), items.end(), [&](const Value& item) { return DeepEqual(work, value, item); });
}

Result<Value> Uniq(const Call& call) {
  SLIPWAY_ASSIGN_OR_RETURN(const Items* items, ItemsOf(call, 0, "find uniq"));
  Items out;
  for (const Value& item : *items) {
    if (!call.work.status().ok()) break;
    if (!Holds(call.work, out, item)) out.push_back(item);
  }
  return call.work.NewList(std::move(out));
}

Result<Value> Without(const Call& call) {
  SLIPWAY_ASSIGN_OR_RETURN(const Items* items, ItemsOf(call, 0, "find without"));
  Items out;
  for (const Value& item : *items) {
    if (!call.work.status().ok()) break;
    if (!Holds(call.work, call.args.subspan(1), item)) out.push_back(item);
  }
  return call.work.NewList(std::move(out));
}

Result<Value> Has(const Call& call) {
  if (call[1].IsNil()) return Value::Bool(false);
  SLIPWAY_ASSIGN_OR_RETURN(const Items* items, ItemsOf(call, 1, "find has"));
  return Value::Bool(Holds(call.work, *items, call[0]));
}

Result<Value> Slice(const Call& call) {
  SLIPWAY_ASSIGN_OR_RETURN(const Items* items, ItemsOf(call, 0, "slice"));
  const auto size = static_cast<int64_t>(items->size());
  if (size == 0) return Value::Nil();
  const int64_t start = call.size() > 1 ? ToInt64(call[1]) : 0;
  const int64_t end = call.size() > 2 ? ToInt64(call[2]) : size;
  if (start < 0 || end < start || end > size) {
    return InvalidArgument("slice index out of bounds: [{}:{}] of a list of {}", start, end, size);
  }
  return call.work.NewList(Items(items->begin() + start, items->begin() + end), call[0].list().element);
}

Result<Value> Concat(const Call& call) {
  Items out;
  for (size_t i = 0; i < call.size(); ++i) {
    SLIPWAY_ASSIGN_OR_RETURN(const Items* items, ItemsOf(call, i, "concat"));
    out.insert(out.end(), items->begin(), items->end());
  }
  if (out.empty()) return call.work.NilList();
  return call.work.NewList(std::move(out));
}

using T = Type;
constexpr std::array kFunctions = {
    Function{"list", List, {T::kAny}, true},
    Function{"tuple", List, {T::kAny}, true},
    Function{"push", Push, {T::kAny, T::kAny}},
    Function{"append", Push, {T::kAny, T::kAny}},
    Function{"prepend", Prepend, {T::kAny, T::kAny}},
    Function{"first", First, {T::kAny}},
    Function{"rest", Rest, {T::kAny}},
    Function{"last", Last, {T::kAny}},
    Function{"initial", Initial, {T::kAny}},
    Function{"reverse", Reverse, {T::kAny}},
    Function{"compact", Compact, {T::kAny}},
    Function{"uniq", Uniq, {T::kAny}},
    Function{"without", Without, {T::kAny, T::kAny}, true},
    Function{"has", Has, {T::kAny, T::kAny}},
    Function{"slice", Slice, {T::kAny, T::kAny}, true},
    Function{"concat", Concat, {T::kAny}, true},
};

}  // namespace

std::span<const Function> ListFunctions() { return kFunctions; }

}  // namespace slipway::run_template
