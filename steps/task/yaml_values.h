// What plain scalars of YAML 1.1 mean as numbers and bools, as Go's yaml.v2 resolves them. Free functions.
#pragma once

#include <cstdint>
#include <optional>

#include "steps/task/yaml_tree.h"

namespace slipway::task {

/// The whole number that a scalar is; fractions are cut off. nullopt if it is none (a quoted one is a text).
std::optional<int64_t> WholeNumber(const YamlNode& node);
/// true/false/yes/no/on/off/y/n in the usual casings, not quoted.
std::optional<bool> Bool(const YamlNode& node);

}  // namespace slipway::task
