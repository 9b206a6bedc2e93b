// Secret values in CBOR: they may be any bytes, and texts of JSON are UTF-8 only.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace slipway::runs {

inline nlohmann::json SecretBytes(const std::string& text) {
  return nlohmann::json::binary({text.begin(), text.end()});
}

/// Throws what the JSON library throws where `json` is no such value.
inline std::string SecretText(const nlohmann::json& json) {
  const nlohmann::json::binary_t& bytes = json.get_binary();
  return {bytes.begin(), bytes.end()};
}

}  // namespace slipway::runs
