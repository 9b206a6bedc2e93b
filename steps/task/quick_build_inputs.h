// QuickBuildInputs: what a quick build is given besides its context, as a client states it, and its way to the
// builder's inputs. Plain data; free functions without state.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"
#include "executor/builder/build_inputs.h"
#include "steps/task/field_error.h"

namespace slipway::task {

/// What the operator allows and sets.
struct QuickBuildRules {
  std::string default_registry;  ///< "" for none
  bool allow_host_network = false;
  bool allow_insecure_security = false;
};

/// The meaning of a member is told in proto/slipway/v1/runs.proto.
struct QuickBuildInputs {
  std::vector<builder::Secret> secrets;
  std::vector<std::string> ssh;
  std::map<std::string, std::string> build_contexts;
  std::vector<std::string> ulimits;
  uint64_t shm_size_bytes = 0;
  std::vector<std::string> allow;
  /// Answers for the agents of `ssh`; set when the run is executed, never stored.
  std::shared_ptr<AgentChannel> agents;
};

/// Adds what is wrong with them, as far as it can be known before the run.
void CheckInputs(const QuickBuildInputs& inputs, const QuickBuildRules& rules, FieldErrors* errors);

/// INVALID_ARGUMENT for what CheckInputs refuses.
Result<builder::BuildInputs> MakeInputs(const QuickBuildInputs& inputs);

/// The context that a value of build_contexts names.
Result<builder::NamedContextSpec> ParseBuildContext(std::string_view location);
/// As FROM and --from are compared with it: "docker.io/library/alpine:latest" is "alpine"; "NAME::PLATFORM" is allowed.
Result<std::string> ContextName(std::string_view name);
/// Uploads that build_contexts name.
std::vector<Digest> UploadsOf(const QuickBuildInputs& inputs);

}  // namespace slipway::task
