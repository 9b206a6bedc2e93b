// sprig's semver and semverCompare.
#include "steps/template/functions.h"
#include "steps/template/semver.h"

namespace slipway::run_template {

namespace {

Result<Value> MakeVersion(const Call& call) {
  SLIPWAY_ASSIGN_OR_RETURN(Version version, ParseVersion(call.text(0)));
  return call.work.NewVersion(std::move(version));
}

Result<Value> SemverCompare(const Call& call) {
  // Reading a version of a constraint, and comparing with it, takes about a microsecond for each byte.
  if (!call.work.Spend(call.text(0).size() + call.text(1).size())) return call.work.status();
  // In sprig's order: a bad constraint is reported before a bad version.
  SLIPWAY_ASSIGN_OR_RETURN(const bool readable, Meets(call.text(0), Version{}));
  (void)readable;
  SLIPWAY_ASSIGN_OR_RETURN(const Version version, ParseVersion(call.text(1)));
  SLIPWAY_ASSIGN_OR_RETURN(const bool met, Meets(call.text(0), version));
  return Value::Bool(met);
}

constexpr std::array kFunctions = {
    Function{"semver", MakeVersion, {Type::kString}},
    Function{"semverCompare", SemverCompare, {Type::kString, Type::kString}},
};

}  // namespace

std::span<const Function> SemverFunctions() { return kFunctions; }

}  // namespace slipway::run_template
