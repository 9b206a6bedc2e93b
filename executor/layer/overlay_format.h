// How overlayfs marks what a layer hides, and how a tar layer does.
#pragma once

#include <string_view>

namespace slipway::layer {

inline constexpr std::string_view kWhiteoutPrefix = ".wh.";
/// Other names with this prefix are aufs's own and mean nothing.
inline constexpr std::string_view kWhiteoutMetaPrefix = ".wh..wh.";
inline constexpr std::string_view kOpaqueMarker = ".wh..wh..opq";

inline constexpr char kOpaqueXattr[] = "trusted.overlay.opaque";
inline constexpr std::string_view kOpaqueValue = "y";

/// Attributes that speak to overlayfs itself. From outside they are never taken: one could redirect a folder or hide
/// others.
inline bool IsOverlayXattr(std::string_view name) {
  return name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.");
}

}  // namespace slipway::layer
