// GitLogins: who we are to git hosts, where an address does not say it itself. Nothing here is ever printed.
#pragma once

#include <optional>
#include <string>

#include "executor/base/context.h"
#include "executor/base/status.h"

namespace slipway {

struct GitLogin {
  std::string user;  ///< "": the password is a token alone
  std::string password;
};

class GitLogins {
 public:
  virtual ~GitLogins() = default;
  /// The login for "git.example.com", "git.example.com:8443" (source::HostKey); nullopt if there is none, which is no
  /// error. Called from any thread; may block.
  virtual Result<std::optional<GitLogin>> Lookup(const Context& ctx, const std::string& host) = 0;
};

}  // namespace slipway
