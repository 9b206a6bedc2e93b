// Difference: one thing in which two images are not the same. Plain data.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "executor/base/status.h"

namespace slipway::image {

struct Difference {
  std::string part;    ///< "manifest", "config", "history", "layers", "layer"
  std::string name;    ///< of a field, an entry …: "config.Env.PATH", "3", "/etc/passwd"
  std::string layer;   ///< which, counted from 0: "3", or "2-5" where layers do not face each other; else empty
  std::string aspect;  ///< what of it differs ("mode", "content" …); empty: it is there in one of them only
  std::optional<std::string> first;
  std::optional<std::string> second;
  bool operator==(const Difference&) const = default;
};

/// Takes differences one by one; a failure ends the comparison.
using DifferenceSink = std::function<Status(const Difference&)>;

}  // namespace slipway::image
