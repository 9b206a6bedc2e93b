// What the operator says about notifications: whom to tell of what. Plain data; daemon/README.md describes it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"

namespace slipway::notify {

/// What a receiver may be told of.
inline constexpr std::string_view kRunStarted = "run.started";
inline constexpr std::string_view kRunFinished = "run.finished";
inline constexpr std::string_view kImagePushed = "image.pushed";

inline constexpr size_t kMostTargets = 16;

struct Target {
  std::string url;
  std::vector<std::string> events;  ///< of the above; never empty
  std::string secret;               ///< signs what is sent; "": it is not signed
  std::string secret_file;          ///< or the file that has it

  bool Wants(std::string_view event) const;
};

/// "url=https://…,events=run.finished,events=image.pushed,secret_file=/etc/…": as a flag has it. INVALID_ARGUMENT,
/// which never shows the secret.
Result<Target> ParseTarget(const std::string& text);

/// Puts the contents of secret files in their place. The errors of reading them.
Status LoadSecrets(std::vector<Target>* targets);

}  // namespace slipway::notify
