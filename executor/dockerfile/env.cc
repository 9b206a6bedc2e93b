#include "executor/dockerfile/env.h"

#include <fmt/format.h>

#include <algorithm>

namespace slipway::dockerfile {

Env::Env(const std::vector<std::string>& list) {
  for (const std::string_view item : list) {
    const size_t equals = item.find('=');
    Set(item.substr(0, equals), equals == std::string_view::npos ? std::string_view() : item.substr(equals + 1));
  }
}

void Env::Set(std::string_view name, std::string_view value) {
  const auto it = std::find_if(pairs_.begin(), pairs_.end(), [name](const auto& pair) { return pair.first == name; });
  if (it != pairs_.end()) {
    it->second = value;
  } else {
    pairs_.emplace_back(name, value);
  }
}

std::optional<std::string_view> Env::Get(std::string_view name) const {
  const auto it = std::find_if(pairs_.begin(), pairs_.end(), [name](const auto& pair) { return pair.first == name; });
  if (it == pairs_.end()) return std::nullopt;
  return it->second;
}

std::vector<std::string> Env::List() const {
  std::vector<std::string> out;
  out.reserve(pairs_.size());
  for (const auto& [name, value] : pairs_) out.push_back(fmt::format("{}={}", name, value));
  return out;
}

bool IsForTheBuilder(std::string_view name) {
  return name == "BUILDKIT_SBOM_SCAN_CONTEXT" || name == "BUILDKIT_SBOM_SCAN_STAGE";
}

}  // namespace slipway::dockerfile
