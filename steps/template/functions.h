// Function: what a template may call. Each funcs_*.cc holds one family; functions.cc finds them by name.
//
// A function says the Go types of its parameters; the executor checks and converts, so that a handler gets exactly
// them. Errors are the bare reason: the executor adds the function's name and the place.
#pragma once

#include <array>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "executor/base/status.h"
#include "steps/template/value.h"
#include "steps/template/workspace.h"

namespace slipway::run_template {

/// The type of a parameter.
enum class Type : uint8_t {
  kReflect,  ///< any value, Go's reflect.Value: what Go's own functions take
  kAny,      ///< any value, Go's interface {}: no value is nil
  kString,
  kInt,
  kInt64,
  kUint32,
  kBool,
  kFloat,
  kDict,     ///< map[string]interface {}
  kAnyList,  ///< []interface {}
  kTime,
  kDuration,
  kCertificate,
  kVersion,
};
std::string_view TypeName(Type type);

struct Call {
  Workspace& work;
  std::span<const Value> args;

  const Value& operator[](size_t i) const { return args[i]; }
  size_t size() const { return args.size(); }
  std::string_view text(size_t i) const { return args[i].text(); }
  int64_t integer(size_t i) const { return args[i].integer(); }
  /// A string made for the result.
  Value Text(std::string text) const { return work.Text(std::move(text)); }
};

using Handler = Result<Value> (*)(const Call& call);

struct Function {
  static constexpr size_t kMaxParameters = 6;

  constexpr Function(std::string_view the_name, Handler the_handler, std::initializer_list<Type> types,
                     bool is_variadic = false)
      : name(the_name), handler(the_handler), count(types.size()), variadic(is_variadic) {
    size_t i = 0;
    for (const Type type : types) parameters[i++] = type;
  }

  std::string_view name;
  Handler handler;  ///< null for "and" and "or", which the executor does
  std::array<Type, kMaxParameters> parameters{};
  size_t count;
  bool variadic;  ///< the last parameter may come any number of times, also never
};

/// Null for a name that is none. sprig's functions come before Go's of the same name (slice), as when sprig is
/// installed.
const Function* FindFunction(std::string_view name);
/// "; did you mean 'X'?" or "".
std::string DidYouMeanFunction(std::string_view name);
/// A method that Go's type of `receiver` has; the receiver is its first argument. Null if it has none of that name.
const Function* FindMethod(const Value& receiver, std::string_view name);

// The families.
std::span<const Function> BuiltinFunctions();
std::span<const Function> StringFunctions();
std::span<const Function> CaseFunctions();
std::span<const Function> EncodingFunctions();
std::span<const Function> MathFunctions();
std::span<const Function> ListFunctions();
std::span<const Function> DictFunctions();
std::span<const Function> DefaultFunctions();
std::span<const Function> DateFunctions();
std::span<const Function> RegexFunctions();
std::span<const Function> SemverFunctions();
std::span<const Function> PathFunctions();
std::span<const Function> CryptoFunctions();
std::span<const Function> HostFunctions();

}  // namespace slipway::run_template
