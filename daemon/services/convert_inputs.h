// The inputs of a quick build between the API and our types: secrets, SSH agents, named contexts, limits, permissions.
#pragma once

#include "slipway/v1/runs.pb.h"
#include "steps/task/quick_build_inputs.h"

namespace slipway::services {

namespace v1 = ::slipway::v1;

task::QuickBuildInputs ToInputs(const v1::DockerBuildRequest& request);
/// Without the values of secrets.
void FillInputs(const task::QuickBuildInputs& inputs, v1::DockerBuildRequest* out);

}  // namespace slipway::services
