#include "steps/template/compare.h"

#include "steps/template/format.h"

namespace slipway::run_template {

namespace {

enum class Basic { kNone, kBool, kInt, kUint, kFloat, kString };

Basic BasicOf(const Value& value) {
  if (value.kind() == Kind::kUint8) return Basic::kUint;
  if (value.IsInteger()) return Basic::kInt;
  if (value.kind() == Kind::kBool) return Basic::kBool;
  if (value.kind() == Kind::kFloat) return Basic::kFloat;
  return value.kind() == Kind::kString ? Basic::kString : Basic::kNone;
}

// A byte and a signed number compare by value; both fit an int64.
bool BothIntegers(Basic a, Basic b) {
  return (a == Basic::kInt || a == Basic::kUint) && (b == Basic::kInt || b == Basic::kUint);
}

bool IsNilList(const Value& value) { return value.IsNil() || (value.kind() == Kind::kList && value.list().nil); }

Result<bool> EqualObjects(Workspace& work, const Value& a, const Value& b) {
  if (!a.IsNil() && !b.IsNil() && KindName(a) != KindName(b)) {
    return InvalidArgument("non-comparable types {} and {}", TypeName(a), TypeName(b));
  }
  if (IsNilList(a) || IsNilList(b)) return IsNilList(a) == IsNilList(b);
  if (b.kind() == Kind::kList || b.kind() == Kind::kDict) {
    return InvalidArgument("non-comparable type {}: {}", TypeName(b), Sprint(work, std::span(&b, 1)));
  }
  if (a.kind() != b.kind()) return false;
  return a.kind() == Kind::kVersion ? a.identity() == b.identity() : DeepEqual(work, a, b);
}

// Two texts that differ at their ends only are looked at as a whole, and lists may hold them thousands of times.
bool SameText(Workspace& work, std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  return a.data() == b.data() || (work.SpendBytes(a.size()) && a == b);
}

bool EqualLists(Workspace& work, const List& a, const List& b, int depth) {
  if (a.element != b.element || a.nil != b.nil || a.items.size() != b.items.size()) return false;
  for (size_t i = 0; i < a.items.size(); ++i) {
    if (!DeepEqual(work, a.items[i], b.items[i], depth + 1)) return false;
  }
  return true;
}

bool EqualDicts(Workspace& work, const Dict& a, const Dict& b, int depth) {
  if (a.element != b.element || a.items.size() != b.items.size()) return false;
  for (auto i = a.items.begin(), j = b.items.begin(); i != a.items.end(); ++i, ++j) {
    if (!SameText(work, i->first, j->first) || !DeepEqual(work, i->second, j->second, depth + 1)) return false;
  }
  return true;
}

}  // namespace

Result<bool> AreEqual(Workspace& work, const Value& a, const Value& b) {
  const Basic kind = BasicOf(a);
  const Basic other = BasicOf(b);
  if (BothIntegers(kind, other)) return a.integer() == b.integer();
  if (kind != other) {
    if (!a.IsNil() && !b.IsNil()) return InvalidArgument("incompatible types for comparison");
    return false;
  }
  if (kind == Basic::kBool) return a.boolean() == b.boolean();
  if (kind == Basic::kFloat) return a.number() == b.number();
  if (kind == Basic::kString) return a.text() == b.text();
  return EqualObjects(work, a, b);
}

Result<bool> IsLess(const Value& a, const Value& b) {
  const Basic kind = BasicOf(a);
  const Basic other = BasicOf(b);
  if (kind == Basic::kNone || other == Basic::kNone) return InvalidArgument("invalid type for comparison");
  if (BothIntegers(kind, other)) return a.integer() < b.integer();
  if (kind != other) return InvalidArgument("incompatible types for comparison");
  if (kind == Basic::kFloat) return a.number() < b.number();
  if (kind == Basic::kString) return a.text() < b.text();
  return InvalidArgument("invalid type for comparison");
}

bool DeepEqual(Workspace& work, const Value& a, const Value& b, int depth) {
  if (!work.Enter(depth)) return false;
  if (a.IsNil() || b.IsNil()) return a.IsNil() && b.IsNil();
  if (a.kind() != b.kind()) return false;
  if (a.kind() == Kind::kFloat) return a.number() == b.number();
  if (a.kind() == Kind::kString) return SameText(work, a.text(), b.text());
  if (a.kind() == Kind::kList) return &a.list() == &b.list() || EqualLists(work, a.list(), b.list(), depth);
  if (a.kind() == Kind::kDict) return &a.dict() == &b.dict() || EqualDicts(work, a.dict(), b.dict(), depth);
  if (a.kind() == Kind::kTime) return a.time() == b.time();
  if (a.kind() == Kind::kVersion) return StringOf(a) == StringOf(b);
  if (a.kind() == Kind::kCertificate) {
    return SameText(work, a.certificate().cert, b.certificate().cert) &&
           SameText(work, a.certificate().key, b.certificate().key);
  }
  return a.integer() == b.integer();
}

}  // namespace slipway::run_template
