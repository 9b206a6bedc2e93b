// What may be wrong with any message: fields and enum values that we do not know. A request that means more than we
// understand is refused, rather than done by half.
#pragma once

#include <google/protobuf/message.h>

#include "steps/task/field_error.h"

namespace slipway::services {

/// Empty if all of the message is known, at any depth. Gives the first few errors only.
task::FieldErrors CheckKnown(const google::protobuf::Message& message);

}  // namespace slipway::services
