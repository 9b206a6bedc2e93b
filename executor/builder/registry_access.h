// RegistryAccess: who a run is to registries. Plain data. And who the runs are that are under way, for downloads that
// several of them share.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "executor/base/context.h"
#include "executor/registry/credentials.h"

namespace slipway::builder {

struct RegistryAccess {
  std::shared_ptr<registry::CredentialSource> logins;  ///< asked before the daemon's own; null for none
  bool isolated = false;                               ///< the daemon's own are not used at all
};

/// The logins of runs that are under way. A layer is downloaded once for all that wait for it, long after its image was
/// resolved with the credentials of a run; whoever waits for it has seen its digest in a manifest that the registry
/// gave him, so the login of any run will do. Thread-safe.
class OpenLogins {
 public:
  /// Known from now on for as long as somebody else holds it. Null is passed over.
  void Add(const std::shared_ptr<registry::CredentialSource>& logins);
  /// Those that have a login for the host, the latest first.
  std::vector<std::shared_ptr<registry::CredentialSource>> For(const Context& ctx, const std::string& host);

 private:
  std::mutex mutex_;
  std::vector<std::weak_ptr<registry::CredentialSource>> open_;  // guarded by mutex_
};

}  // namespace slipway::builder
