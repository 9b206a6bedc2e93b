// Functions that would read the daemon's environment or its network. They exist so that a task that uses one is told
// so.
#include "steps/template/functions.h"

namespace slipway::run_template {

namespace {

Result<Value> Environment(const Call& call) {
  return FailedPrecondition(
      "the environment of the machine that runs the task is not for templates to read (asked for {}); pass the value "
      "with "
      "--set or in a values file",
      call.text(0).empty() ? "nothing" : call.text(0));
}

Result<Value> HostByName(const Call& call) {
  return FailedPrecondition(
      "templates have no network and look up no host names (asked for '{}'); pass the address with --set",
      call.text(0));
}

constexpr std::array kFunctions = {
    Function{"env", Environment, {Type::kString}},
    Function{"expandenv", Environment, {Type::kString}},
    Function{"getHostByName", HostByName, {Type::kString}},
};

}  // namespace

std::span<const Function> HostFunctions() { return kFunctions; }

}  // namespace slipway::run_template
