// PrivateAgent: an ssh-agent of our own that holds the keys of --ssh ID=KEY for as long as the object lives. Nobody
// else can reach its socket.
//
// Start and destroy in one thread, which must live as long: the program ends with it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/fs.h"
#include "executor/base/process.h"
#include "executor/base/status.h"

namespace slipway::cli {

class PrivateAgent {
 public:
  /// NOT_FOUND if OpenSSH's programs are not installed; INVALID_ARGUMENT for what is no key, or one with a passphrase.
  static Result<std::unique_ptr<PrivateAgent>> Start(const Context& ctx, const std::vector<std::string>& keys);

  const std::string& socket() const { return socket_; }

 private:
  PrivateAgent() = default;
  Status AddKey(const Context& ctx, const std::string& path) const;

  fs::TempDir folder_;
  std::string socket_;
  ChildProcess agent_;  // ends before its folder goes
};

}  // namespace slipway::cli
