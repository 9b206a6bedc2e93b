// Steps of a run as text: the table of `slipway show`, the plan of a dry run.
#pragma once

#include <string>
#include <string_view>

#include "slipway/v1/runs.pb.h"

namespace slipway::cli {

/// "build", "push", "cmd".
std::string_view StepKindText(slipway::v1::StepKind kind);
/// "skipped", "successful" …
std::string_view StepStatusText(slipway::v1::StepStatus status);

/// The steps of a run as a table, and what its images were built from as ACR Tasks reports it; "" for a run without.
std::string StepsText(const slipway::v1::Run& run);

/// The rendered file, then a line a step with what it waits for; warnings first.
std::string PlanText(const slipway::v1::RenderTaskResponse& plan);
std::string PlanJson(const slipway::v1::RenderTaskResponse& plan);

}  // namespace slipway::cli
