// Value: what a template computes with; the few types of Go that text/template and sprig can meet.
//
// A Value is a small handle that is copied freely; strings, lists, dictionaries and objects belong to the Workspace of
// the execution (workspace.h) or, for text of the template itself, to its parse tree. A list never changes; a
// dictionary does (sprig's set, unset and merge), and may thus hold itself: whoever walks one bounds its depth.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::run_template {

struct List;
struct Dict;
struct GoTime;
struct Version;
struct Certificate;

enum class Kind : uint8_t {
  kInvalid,  ///< Go's zero reflect.Value: no value at all; what a pipeline that ends in nil gives
  kNil,      ///< an interface {} that holds nil: a missing key, a null in a list
  kBool,
  kInt,
  kInt64,
  kUint8,  ///< a byte of a string
  kFloat,
  kString,
  kList,
  kDict,
  kTime,
  kDuration,  ///< nanoseconds
  kMonth,
  kWeekday,
  kVersion,      ///< sprig's semver
  kCertificate,  ///< of sprig's genCA and its like
};

/// The static type of the elements of a list or dictionary.
enum class Element : uint8_t { kAny, kString, kInt };

class Value {
 public:
  constexpr Value() : kind_(Kind::kInvalid), int_(0) {}

  static constexpr Value Nil() { return Value(Kind::kNil, int64_t{0}); }
  static constexpr Value Bool(bool value) { return Value(Kind::kBool, int64_t{value ? 1 : 0}); }
  static constexpr Value Int(int64_t value) { return Value(Kind::kInt, value); }
  /// A number of another integer type: kInt64, kUint8, kDuration, kMonth, kWeekday.
  static constexpr Value Number(Kind kind, int64_t value) { return Value(kind, value); }
  static Value Float(double value) {
    Value out(Kind::kFloat, int64_t{0});
    out.float_ = value;
    return out;
  }
  /// `text` must outlive the value: a literal, text of the template, a string of the Workspace.
  static constexpr Value Text(std::string_view text) {
    Value out(Kind::kString, int64_t{0});
    out.text_ = text.data();
    out.size_ = text.size();
    return out;
  }
  static Value Of(const List* list) { return Value(Kind::kList, list); }
  static Value Of(Dict* dict) { return Value(Kind::kDict, dict); }
  static Value Of(const GoTime* time) { return Value(Kind::kTime, time); }
  static Value Of(const Version* version) { return Value(Kind::kVersion, version); }
  static Value Of(const Certificate* certificate) { return Value(Kind::kCertificate, certificate); }

  Kind kind() const { return kind_; }
  /// No value or nil: what Go calls nil once it is an argument of type interface {}.
  bool IsNil() const { return kind_ == Kind::kInvalid || kind_ == Kind::kNil; }
  /// An integer, signed or not, or a type made of one.
  bool IsInteger() const {
    return kind_ == Kind::kInt || kind_ == Kind::kInt64 || kind_ == Kind::kUint8 || kind_ == Kind::kDuration ||
           kind_ == Kind::kMonth || kind_ == Kind::kWeekday;
  }

  // Each may be asked for its own kind only.
  bool boolean() const { return int_ != 0; }
  int64_t integer() const { return int_; }
  double number() const { return float_; }
  std::string_view text() const { return {text_, size_}; }
  const List& list() const { return *list_; }
  Dict& dict() const { return *dict_; }
  const GoTime& time() const { return *time_; }
  const Version& version() const { return *version_; }
  const Certificate& certificate() const { return *certificate_; }
  /// Which object, for kinds that Go compares by identity.
  const void* identity() const { return list_; }

 private:
  constexpr Value(Kind kind, int64_t value) : kind_(kind), int_(value) {}
  Value(Kind kind, const List* list) : kind_(kind), list_(list) {}
  Value(Kind kind, Dict* dict) : kind_(kind), dict_(dict) {}
  Value(Kind kind, const GoTime* time) : kind_(kind), time_(time) {}
  Value(Kind kind, const Version* version) : kind_(kind), version_(version) {}
  Value(Kind kind, const Certificate* certificate) : kind_(kind), certificate_(certificate) {}

  Kind kind_;
  union {
    int64_t int_;
    double float_;
    const char* text_;
    const List* list_;
    Dict* dict_;
    const GoTime* time_;
    const Version* version_;
    const Certificate* certificate_;
  };
  size_t size_ = 0;
};

struct List {
  Element element = Element::kAny;
  bool nil = false;  ///< a nil slice: empty, but null in JSON
  std::vector<Value> items;
};

struct Dict {
  Element element = Element::kAny;
  std::map<std::string, Value, std::less<>> items;
};

struct Certificate {
  std::string cert;
  std::string key;
};

/// As Go's %T prints the value's type: "[]interface {}", "time.Time", "<nil>".
std::string_view TypeName(const Value& value);
/// As Go's reflect names its kind: "slice", "struct", "invalid".
std::string_view KindName(const Value& value);
/// Go's truth: not the zero of its type, not empty.
bool IsTrue(const Value& value);
/// sprig's empty: as !IsTrue.
inline bool IsEmpty(const Value& value) { return !IsTrue(value); }

}  // namespace slipway::run_template
