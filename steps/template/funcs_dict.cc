// sprig's functions on dictionaries. keys and values come sorted by key, where Go's come in any order.
#include <algorithm>

#include "steps/template/format.h"
#include "steps/template/functions.h"

namespace slipway::run_template {

namespace {

// A nil dictionary has nothing in it.
const std::map<std::string, Value, std::less<>>& ItemsOf(const Value& dict) {
  static const std::map<std::string, Value, std::less<>> kNone;
  return dict.IsNil() ? kNone : dict.dict().items;
}

void Erase(Dict& dict, std::string_view key) {
  const auto found = dict.items.find(key);
  if (found != dict.items.end()) dict.items.erase(found);
}

Result<Value> MakeDict(const Call& call) {
  const Value out = call.work.NewDict();
  for (size_t i = 0; i < call.size(); i += 2) {
    const Value value = i + 1 < call.size() ? call[i + 1] : Value::Text("");
    call.work.Set(out.dict(), ToText(call.work, call[i]), value);
  }
  return out;
}

Result<Value> Set(const Call& call) {
  if (call[0].IsNil()) return InvalidArgument("assignment to entry in nil map");
  call.work.Set(call[0].dict(), call.text(1), call[2]);
  return call[0];
}

Result<Value> Unset(const Call& call) {
  if (!call[0].IsNil()) Erase(call[0].dict(), call.text(1));
  return call[0];
}

Result<Value> HasKey(const Call& call) { return Value::Bool(ItemsOf(call[0]).contains(call.text(1))); }

Result<Value> Pluck(const Call& call) {
  std::vector<Value> out;
  for (const Value& dict : call.args.subspan(1)) {
    if (!call.work.SpendBytes(call.text(0).size())) return call.work.status();
    const auto found = ItemsOf(dict).find(call.text(0));
    if (found != ItemsOf(dict).end()) out.push_back(found->second);
  }
  return call.work.NewList(std::move(out));
}

Result<Value> Keys(const Call& call) {
  std::vector<Value> out;
  for (const Value& dict : call.args) {
    if (!call.work.Spend(ItemsOf(dict).size())) return call.work.status();
    for (const auto& [key, value] : ItemsOf(dict)) out.push_back(call.work.CopyText(key));
  }
  return call.work.NewList(std::move(out), Element::kString);
}

Result<Value> Values(const Call& call) {
  std::vector<Value> out;
  if (!call.work.Spend(ItemsOf(call[0]).size())) return call.work.status();
  for (const auto& [key, value] : ItemsOf(call[0])) out.push_back(value);
  return call.work.NewList(std::move(out));
}

Result<Value> Pick(const Call& call) {
  const Value out = call.work.NewDict();
  for (const Value& key : call.args.subspan(1)) {
    const auto found = ItemsOf(call[0]).find(key.text());
    if (found != ItemsOf(call[0]).end()) call.work.Set(out.dict(), found->first, found->second);
  }
  return out;
}

Result<Value> Omit(const Call& call) {
  const Value out = call.work.NewDict();
  if (!call.work.Spend(ItemsOf(call[0]).size())) return call.work.status();
  for (const auto& [key, value] : ItemsOf(call[0])) call.work.Set(out.dict(), key, value);
  for (const Value& key : call.args.subspan(1)) Erase(out.dict(), key.text());
  return out;
}

// Into `target`, in place: what is missing or empty there, or (overwrite) everything; dictionaries go into each other.
void MergeInto(Workspace& work, Dict& target, const Dict& source, bool overwrite, int depth) {
  if (!work.Enter(depth) || &target == &source) return;
  for (const auto& [key, value] : source.items) {
    if (!work.Spend(1) || !work.SpendBytes(key.size())) return;
    const auto found = target.items.find(key);
    const bool missing = found == target.items.end();
    if (value.IsNil()) {
      if (overwrite) work.Set(target, key, value);
    } else if (missing || IsEmpty(found->second)) {
      work.Set(target, key, value);
    } else if (value.kind() == Kind::kDict) {
      // A dictionary takes no other value's place.
      if (found->second.kind() == Kind::kDict)
        MergeInto(work, found->second.dict(), value.dict(), overwrite, depth + 1);
    } else if (overwrite) {
      found->second = value;
    }
  }
}

Result<Value> MergeAll(const Call& call, bool overwrite) {
  Value target = call[0];
  if (target.IsNil()) target = call.work.NewDict();
  for (const Value& source : call.args.subspan(1)) {
    if (!source.IsNil()) MergeInto(call.work, target.dict(), source.dict(), overwrite, 0);
  }
  return target;
}

Result<Value> Merge(const Call& call) { return MergeAll(call, false); }
Result<Value> MergeOverwrite(const Call& call) { return MergeAll(call, true); }

using T = Type;
constexpr std::array kFunctions = {
    Function{"dict", MakeDict, {T::kAny}, true},
    Function{"set", Set, {T::kDict, T::kString, T::kAny}},
    Function{"unset", Unset, {T::kDict, T::kString}},
    Function{"hasKey", HasKey, {T::kDict, T::kString}},
    Function{"pluck", Pluck, {T::kString, T::kDict}, true},
    Function{"keys", Keys, {T::kDict}, true},
    Function{"values", Values, {T::kDict}},
    Function{"pick", Pick, {T::kDict, T::kString}, true},
    Function{"omit", Omit, {T::kDict, T::kString}, true},
    Function{"merge", Merge, {T::kDict, T::kDict}, true},
    Function{"mergeOverwrite", MergeOverwrite, {T::kDict, T::kDict}, true},
};

}  // namespace

std::span<const Function> DictFunctions() { return kFunctions; }

}  // namespace slipway::run_template
