// From our Status to gRPC's: the one place that converts. Details follow google.rpc: BadRequest for fields, ErrorInfo
// with the domain "slipway" for reasons that programs branch on.
#pragma once

#include <grpcpp/support/status.h>

#include <map>
#include <string>
#include <string_view>

#include "executor/base/status.h"
#include "steps/task/field_error.h"

namespace slipway::services {

grpc::Status ToGrpc(const Status& status);

/// With an ErrorInfo: `reason` in upper snake case, `metadata` what belongs to it.
grpc::Status Refuse(const Status& status, std::string_view reason,
                    const std::map<std::string, std::string>& metadata = {});

/// INVALID_ARGUMENT with a BadRequest that names every field; `errors` must not be empty. `prefix` is put before the
/// names of fields ("docker_build.").
grpc::Status BadFields(const task::FieldErrors& errors, std::string_view prefix = "");

}  // namespace slipway::services
