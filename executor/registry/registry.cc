#include "executor/registry/registry.h"

#include "executor/registry/caller.h"

namespace slipway::registry {

Registry::Registry(Options options, std::shared_ptr<http::Transport> transport,
                   std::shared_ptr<CredentialSource> credentials)
    : state_(std::make_shared<RegistryState>(std::move(options), std::move(transport))),
      credentials_(std::move(credentials)) {}

Registry::~Registry() = default;

Session Registry::NewSession(std::shared_ptr<CredentialSource> first) const {
  return Session(state_, ChainCredentials({std::move(first), credentials_}));
}

Session Registry::NewIsolatedSession(std::shared_ptr<CredentialSource> only) const {
  return Session(state_, std::move(only));
}

}  // namespace slipway::registry
