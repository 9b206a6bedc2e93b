// Between the API's messages and the daemon's own types. Free functions; nothing is checked here that task::Check
// checks.
#pragma once

#include <chrono>
#include <optional>

#include "daemon/logs/run_event.h"
#include "daemon/store/run_store.h"
#include "executor/base/cache_step.h"
#include "executor/tree/entry.h"
#include "slipway/v1/runs.pb.h"
#include "slipway/v1/sources.pb.h"
#include "steps/task/quick_build.h"

namespace slipway::services {

namespace v1 = ::slipway::v1;

task::QuickBuild ToQuickBuild(const v1::DockerBuildRequest& request);
/// Values of secrets are left empty.
void FillRequest(const task::QuickBuild& build, std::chrono::seconds timeout, v1::DockerBuildRequest* out);
void FillBase(const store::BaseImage& base, v1::BaseImage* out);

/// `queue_position` for a run that waits.
v1::Run ToMessage(const store::Run& run, std::optional<uint32_t> queue_position = std::nullopt);

/// The filter of a list; what is wrong with it is added to `errors`.
store::RunFilter ToFilter(const v1::ListRunsRequest& request, task::FieldErrors* errors);

/// Does not fill kDropped, which is no event of the API.
void FillEvent(const logs::RunEvent& event, v1::RunEvent* out);

void FillCacheStep(const CacheStep& step, v1::StepCache* out);

/// The entry; false and what is wrong if it has a type that is not taken or a digest of a wrong length.
bool ToEntry(const v1::ContextEntry& entry, tree::Entry* out, task::FieldError* error);

void FillTime(SystemTime time, google::protobuf::Timestamp* out);

}  // namespace slipway::services
