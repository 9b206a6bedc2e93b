#include "steps/template/value.h"

namespace slipway::run_template {

std::string_view TypeName(const Value& value) {
  switch (value.kind()) {
    case Kind::kInvalid: return "<nil>";
    case Kind::kNil: return "<nil>";
    case Kind::kBool: return "bool";
    case Kind::kInt: return "int";
    case Kind::kInt64: return "int64";
    case Kind::kUint8: return "uint8";
    case Kind::kFloat: return "float64";
    case Kind::kString: return "string";
    case Kind::kList:
      if (value.list().element == Element::kString) return "[]string";
      return value.list().element == Element::kInt ? "[]int" : "[]interface {}";
    case Kind::kDict: return value.dict().element == Element::kString ? "map[string]string" : "map[string]interface {}";
    case Kind::kTime: return "time.Time";
    case Kind::kDuration: return "time.Duration";
    case Kind::kMonth: return "time.Month";
    case Kind::kWeekday: return "time.Weekday";
    case Kind::kVersion: return "*semver.Version";
    case Kind::kCertificate: return "sprig.certificate";
  }
  return "";
}

std::string_view KindName(const Value& value) {
  switch (value.kind()) {
    case Kind::kInvalid:
    case Kind::kNil: return "invalid";
    case Kind::kBool: return "bool";
    case Kind::kInt:
    case Kind::kMonth:
    case Kind::kWeekday: return "int";
    case Kind::kInt64:
    case Kind::kDuration: return "int64";
    case Kind::kUint8: return "uint8";
    case Kind::kFloat: return "float64";
    case Kind::kString: return "string";
    case Kind::kList: return "slice";
    case Kind::kDict: return "map";
    case Kind::kTime:
    case Kind::kCertificate: return "struct";
    case Kind::kVersion: return "ptr";
  }
  return "";
}

bool IsTrue(const Value& value) {
  switch (value.kind()) {
    case Kind::kInvalid:
    case Kind::kNil: return false;
    case Kind::kBool: return value.boolean();
    case Kind::kInt:
    case Kind::kInt64:
    case Kind::kUint8:
    case Kind::kDuration:
    case Kind::kMonth:
    case Kind::kWeekday: return value.integer() != 0;
    case Kind::kFloat: return value.number() != 0;
    case Kind::kString: return !value.text().empty();
    case Kind::kList: return !value.list().items.empty();
    case Kind::kDict: return !value.dict().items.empty();
    case Kind::kTime:
    case Kind::kVersion:
    case Kind::kCertificate: return true;
  }
  return false;
}

}  // namespace slipway::run_template
