// What a client is told of a run that it asked for. Free functions.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <functional>
#include <string>

#include "daemon/runs/dispatcher.h"
#include "daemon/store/run_store.h"
#include "slipway/v1/runs.pb.h"

namespace slipway::services {

inline constexpr size_t kMaxRequestId = 64;

/// Whether the client of this call still waits, for runs::ScheduleRequest.
std::function<Status()> WhileItWaits(const grpc::ServerContext* context);

/// The run, with its place in the queue.
void AnswerRun(const store::Run& run, store::RunStore& store, slipway::v1::Run* response);

/// Why a run was not scheduled. `source` is where its source is.
grpc::Status RefuseRun(const Status& status, const std::string& source, store::RunStore& store,
                       const runs::Dispatcher& dispatcher);

}  // namespace slipway::services
