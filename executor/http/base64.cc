#include "executor/http/base64.h"

#include <fmt/format.h>

namespace slipway::http {

std::string BasicAuthorization(std::string_view username, std::string_view password) {
  return "Basic " + Base64Encode(fmt::format("{}:{}", username, password));
}

}  // namespace slipway::http
