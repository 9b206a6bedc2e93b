// The value of --secret: "id=ID[,src=FILE|,env=VARIABLE][,type=file|env]", and where it leads.
#pragma once

#include <string>
#include <string_view>

#include "executor/base/status.h"

namespace slipway::cli {

/// The daemon takes no larger secret.
inline constexpr uint64_t kMaxSecretBytes = 500U << 10;

struct SecretFlag {
  std::string id;
  std::string file;      ///< "" if it comes from the environment
  std::string variable;  ///< "" if it comes from a file
};

/// Without source or variable, a variable called as the id is taken if there is one, else the file of that name.
/// INVALID_ARGUMENT says what is wrong; values are not looked at.
Result<SecretFlag> ParseSecretFlag(std::string_view text);

/// The value. A variable that is not set is an empty one. NOT_FOUND for a file that is not there, RESOURCE_EXHAUSTED
/// for one that is too large.
Result<std::string> ReadSecret(const SecretFlag& flag);

}  // namespace slipway::cli
