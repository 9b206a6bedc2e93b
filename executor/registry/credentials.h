// Credentials: who we are to a registry, and where that is looked up.
//
// Sources are thread-safe. Nothing here is ever printed: Credential has no formatter on purpose.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/status.h"

namespace slipway::registry {

struct Credential {
  std::string username;
  std::string password;
  std::string identity_token;  ///< an OAuth2 refresh token; then no password is used
  bool operator==(const Credential&) const = default;
};

class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  /// The credential for "docker.io", "127.0.0.1:5000" …; nullopt if there is none, which is no error.
  virtual Result<std::optional<Credential>> Lookup(const Context& ctx, const std::string& host) = 0;
};

/// A fixed map from host to credential.
std::shared_ptr<CredentialSource> StaticCredentials(std::map<std::string, Credential> by_host);

/// A Docker config.json: `auths` with `auth` (base64), `username`/`password` and `identitytoken`. Keys may be written
/// as hosts or as addresses ("https://index.docker.io/v1/"). INVALID_ARGUMENT if it is no such document. A host whose
/// entry is kept by a helper program (credHelpers, credsStore) is FAILED_PRECONDITION at Lookup, with what to do.
Result<std::shared_ptr<CredentialSource>> DockerConfigCredentials(std::string_view json, std::string_view name);
/// As above from a file; NOT_FOUND if there is none.
Result<std::shared_ptr<CredentialSource>> DockerConfigFile(const std::string& path);

/// The first source that knows the host. Null sources are passed over.
std::shared_ptr<CredentialSource> ChainCredentials(std::vector<std::shared_ptr<CredentialSource>> sources);

}  // namespace slipway::registry
