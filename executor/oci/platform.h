// Platform: operating system, architecture, variant; written "linux/arm64/v8" (containerd's notation).
#pragma once

#include <string>
#include <string_view>

#include "executor/base/status.h"

namespace slipway::oci {

struct Platform {
  std::string os;
  std::string architecture;
  std::string variant;     ///< "" where there is none, e.g. amd64
  std::string os_version;  ///< only read from foreign indexes

  /// The machine we run on.
  static Platform Host();
  /// "os/arch[/variant]" or "arch"; names are normalised (x86_64 is amd64, aarch64 is arm64, arm64's v8 is dropped, arm
  /// gets v7). INVALID_ARGUMENT otherwise.
  static Result<Platform> Parse(std::string_view text);
  /// "linux/arm/v7".
  std::string ToString() const;
  Platform Normalized() const;
  /// Whether an image for `image` can be used where `*this` is asked for; an unset variant of the image fits.
  bool Matches(const Platform& image) const;

  bool operator==(const Platform&) const = default;
};

}  // namespace slipway::oci
