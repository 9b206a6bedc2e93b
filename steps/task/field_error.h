// FieldError: which field of a request is wrong, and why. Field names are those of the API (ACR Tasks' model).
#pragma once

#include <string>
#include <vector>

namespace slipway::task {

struct FieldError {
  std::string field;    ///< path in the request: "arguments[2].name"
  std::string message;  ///< why the value is refused; no full stop, no secret
};

using FieldErrors = std::vector<FieldError>;

}  // namespace slipway::task
