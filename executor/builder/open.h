// A builder with logins: who it is to registries and git hosts where a run does not say it itself.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "executor/base/git_logins.h"
#include "executor/builder/builder.h"
#include "executor/registry/credentials.h"

namespace slipway::builder {

/// All members may be empty. Isolated runs (RegistryAccess) get none of these.
struct Logins {
  using Source = std::shared_ptr<registry::CredentialSource>;
  Source registries;  ///< asked after those of a run, and before the Docker credential file
  std::shared_ptr<GitLogins> git_hosts;
  /// Further ones that Builder::Lookup asks with, in turn, before all others.
  std::function<std::vector<Source>(const Context& ctx, const oci::Reference& image)> for_lookup;
};

/// As Builder::Open.
Result<std::unique_ptr<Builder>> OpenBuilder(const Options& options, Logins logins);

}  // namespace slipway::builder
