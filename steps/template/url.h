// Url: the parts of a URL as Go's package net/url takes it to pieces and puts it together.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "executor/base/status.h"

namespace slipway::run_template {

struct Url {
  std::string scheme;
  std::string opaque;
  std::optional<std::string> userinfo;  ///< escaped, "user:password"
  std::string host;                     ///< with its port
  std::string path;                     ///< unescaped
  std::string query;                    ///< as it stands
  std::string fragment;                 ///< unescaped

  std::string ToString() const;
  /// The host without port and brackets.
  std::string Hostname() const;
};

/// INVALID_ARGUMENT with the text in quotes, cut where a password may stand.
Result<Url> ParseUrl(std::string_view text);
/// A userinfo as it is written again: unescaped and escaped; INVALID_ARGUMENT for what is none.
Result<std::string> CleanUserinfo(std::string_view text);

}  // namespace slipway::run_template
