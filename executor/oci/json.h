// Reading of untrusted JSON documents: bounded depth, and types checked with errors that name the field.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"

namespace slipway::oci::json {

/// Parses an object. `what` names the document in errors. INVALID_ARGUMENT if it is no JSON object or nested too deeply.
Result<nlohmann::json> ParseObject(std::string_view text, std::string_view what);

/// Each reads field `key` into `out` and leaves `out` alone where the field is absent or null.
Status Read(const nlohmann::json& object, const char* key, std::string& out);
Status Read(const nlohmann::json& object, const char* key, int64_t& out);
Status Read(const nlohmann::json& object, const char* key, bool& out);
Status Read(const nlohmann::json& object, const char* key, std::vector<std::string>& out);
Status Read(const nlohmann::json& object, const char* key, std::map<std::string, std::string>& out);

}  // namespace slipway::oci::json
