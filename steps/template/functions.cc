#include "steps/template/functions.h"

#include <algorithm>
#include <unordered_map>

#include "executor/base/near_miss.h"

namespace slipway::run_template {

namespace {

using Index = std::unordered_map<std::string_view, const Function*>;

const Index& AllFunctions() {
  static const Index kIndex = [] {
    Index index;
    // The first of a name wins: sprig's before Go's.
    for (const auto& family :
         {StringFunctions(), CaseFunctions(), EncodingFunctions(), MathFunctions(), ListFunctions(), DictFunctions(),
          DefaultFunctions(), DateFunctions(), RegexFunctions(), SemverFunctions(), PathFunctions(), CryptoFunctions(),
          HostFunctions(), BuiltinFunctions()}) {
      for (const Function& function : family) index.emplace(function.name, &function);
    }
    return index;
  }();
  return kIndex;
}

}  // namespace

std::string_view TypeName(Type type) {
  switch (type) {
    case Type::kReflect: return "reflect.Value";
    case Type::kAny: return "interface {}";
    case Type::kString: return "string";
    case Type::kInt: return "int";
    case Type::kInt64: return "int64";
    case Type::kUint32: return "uint32";
    case Type::kBool: return "bool";
    case Type::kFloat: return "float64";
    case Type::kDict: return "map[string]interface {}";
    case Type::kAnyList: return "[]interface {}";
    case Type::kTime: return "time.Time";
    case Type::kDuration: return "time.Duration";
    case Type::kCertificate: return "sprig.certificate";
    case Type::kVersion: return "*semver.Version";
  }
  return "";
}

const Function* FindFunction(std::string_view name) {
  const auto found = AllFunctions().find(name);
  return found == AllFunctions().end() ? nullptr : found->second;
}

std::string DidYouMeanFunction(std::string_view name) {
  std::vector<std::string_view> names;
  for (const auto& [known, function] : AllFunctions()) names.push_back(known);
  std::sort(names.begin(), names.end());
  return DidYouMean(name, names);
}

}  // namespace slipway::run_template
