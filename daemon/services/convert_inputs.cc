#include "daemon/services/convert_inputs.h"

#include "executor/base/utf8.h"

namespace slipway::services {

task::QuickBuildInputs ToInputs(const v1::DockerBuildRequest& request) {
  task::QuickBuildInputs inputs;
  for (const v1::BuildSecret& secret : request.secrets()) {
    inputs.secrets.push_back({.id = secret.id(), .value = secret.value()});
  }
  inputs.ssh.assign(request.ssh().begin(), request.ssh().end());
  inputs.build_contexts.insert(request.build_contexts().begin(), request.build_contexts().end());
  inputs.ulimits.assign(request.ulimits().begin(), request.ulimits().end());
  inputs.shm_size_bytes = request.shm_size_bytes();
  inputs.allow.assign(request.allow().begin(), request.allow().end());
  return inputs;
}

void FillInputs(const task::QuickBuildInputs& inputs, v1::DockerBuildRequest* out) {
  for (const builder::Secret& secret : inputs.secrets) out->add_secrets()->set_id(utf8::Repair(secret.id));
  for (const std::string& id : inputs.ssh) out->add_ssh(utf8::Repair(id));
  for (const auto& [name, location] : inputs.build_contexts) {
    (*out->mutable_build_contexts())[utf8::Repair(name)] = utf8::Repair(location);
  }
  for (const std::string& limit : inputs.ulimits) out->add_ulimits(utf8::Repair(limit));
  out->set_shm_size_bytes(inputs.shm_size_bytes);
  for (const std::string& permission : inputs.allow) out->add_allow(utf8::Repair(permission));
}

}  // namespace slipway::services
