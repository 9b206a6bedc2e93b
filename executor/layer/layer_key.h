// How keys of layers are made here; those of registry layers begin with their diff id (Store::AddRemote).
#pragma once

#include <string>
#include <string_view>

#include "executor/base/digest.h"
#include "executor/base/fs.h"
#include "executor/layer/store.h"

namespace slipway::layer {

inline constexpr std::string_view kRecipePrefix = "recipe:";
inline constexpr std::string_view kUpperPrefix = "upper:";

/// Equal recipes are one layer.
inline Key RecipeKey(const Digest& encoded) { return std::string(kRecipePrefix) + encoded.ToString(); }
inline bool IsRecipe(std::string_view key) { return key.starts_with(kRecipePrefix); }

/// Of a step's folder, whose name is like no other's.
inline Key UpperKey(std::string_view folder) { return std::string(kUpperPrefix) + std::string(fs::BaseName(folder)); }
inline bool IsUpper(std::string_view key) { return key.starts_with(kUpperPrefix); }

}  // namespace slipway::layer
