// AzureKeyVaultSecrets: `https://NAME.vault.azure.net/secrets/SECRET[/VERSION]`, read with a managed identity as task
// files of ACR name it. The identity is the one with the secret's client id, or the machine's own.
#pragma once

#include <string>

#include "executor/http/transport.h"
#include "steps/secrets/secret_source.h"

namespace slipway::secrets {

struct AzureKeyVaultOptions {
  /// Gives tokens for identities of the machine.
  std::string identity_endpoint = "http://169.254.169.254/metadata/identity/oauth2/token";
  /// Where all vaults are asked, instead of at the host of each ("https://gateway.example.com"); "" for none.
  std::string vault_endpoint;
};

struct KeyVaultAddress {
  std::string host;      ///< "name.vault.azure.net"
  std::string path;      ///< "/secrets/x" or "/secrets/x/version"
  std::string resource;  ///< what a token is asked for: "https://vault.azure.net"
};
/// Lower-cased, one slash at the end dropped. INVALID_ARGUMENT in ACR's words; also for a user, a port, a query, a
/// fragment, and a host that is not of ASCII letters, digits, '-' and dots: a token is sent there.
Result<KeyVaultAddress> ParseKeyVaultUrl(std::string_view url);

class AzureKeyVaultSecrets : public SecretSource {
 public:
  /// `transport` must outlive it.
  AzureKeyVaultSecrets(AzureKeyVaultOptions options, http::Transport& transport)
      : options_(std::move(options)), transport_(transport) {}

  std::string form() const override { return "https://NAME.vault.azure.net/secrets/SECRET"; }
  bool Serves(std::string_view keyvault) const override;
  Result<std::string> Fetch(const Context& ctx, const task::Secret& secret) override;

 private:
  Result<std::string> Token(const Context& ctx, const std::string& resource, const std::string& client_id);

  const AzureKeyVaultOptions options_;
  http::Transport& transport_;
};

}  // namespace slipway::secrets
