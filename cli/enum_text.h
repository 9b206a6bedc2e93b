// Values of the API's enums as people write them: "Enabled", "whenSafe". Made from their names in the API, so that a
// new value needs no word here.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/generated_enum_reflection.h>

#include <string>
#include <string_view>

#include "executor/base/status.h"

namespace slipway::cli {

/// REBASE_POLICY_WHEN_SAFE is "whenSafe"; states and types begin with a capital, as in ACR's model: "Enabled",
/// "Runtime".
std::string EnumText(const google::protobuf::EnumDescriptor& type, int value);

/// Any case, '_', '-' and blanks left out or not; also the name in the API. INVALID_ARGUMENT with the value that was
/// probably meant, else with all.
Result<int> ParseEnum(const google::protobuf::EnumDescriptor& type, std::string_view text);

/// The same for one type.
template <typename Enum>
std::string EnumText(Enum value) {
  return EnumText(*google::protobuf::GetEnumDescriptor<Enum>(), value);
}
template <typename Enum>
Result<Enum> ParseEnum(std::string_view text) {
  SLIPWAY_ASSIGN_OR_RETURN(const int value, ParseEnum(*google::protobuf::GetEnumDescriptor<Enum>(), text));
  return static_cast<Enum>(value);
}

}  // namespace slipway::cli
