#include "daemon/secrets/secret_sources.h"

#include "executor/base/fs.h"
#include "steps/secrets/azure_key_vault.h"
#include "steps/secrets/local_secrets.h"
#include "steps/secrets/vault_secrets.h"

namespace slipway::secrets {

namespace {

// A file of one line that holds a token or the like.
Result<std::string> ReadLine(std::string_view key, const std::string& path) {
  if (path.empty()) return std::string();
  SLIPWAY_ASSIGN_OR_RETURN(std::string text, fs::ReadFile(path, kLargestSecret).With(key));
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  if (text.empty()) return InvalidArgument("{}: '{}' is empty", key, path);
  return text;
}

Result<VaultOptions> VaultOptionsOf(const SourceSettings& settings) {
  VaultOptions options{.address = settings.vault_address, .namespace_ = settings.vault_namespace};
  SLIPWAY_ASSIGN_OR_RETURN(options.token, ReadLine("secrets.vault_token_file", settings.vault_token_file));
  SLIPWAY_ASSIGN_OR_RETURN(options.secret_id, ReadLine("secrets.vault_secret_id_file", settings.vault_secret_id_file));
  options.role_id = settings.vault_role_id;
  const bool by_role = !options.role_id.empty() && !options.secret_id.empty();
  if (options.token.empty() == !by_role) {
    return InvalidArgument(
        "secrets.vault_address: set either secrets.vault_token_file, or secrets.vault_role_id and "
        "secrets.vault_secret_id_file");
  }
  return options;
}

}  // namespace

Result<SecretSources> OpenSources(const SourceSettings& settings, http::Transport& transport,
                                  StoreSecrets::Lookup store) {
  SecretSources sources;
  if (store) sources.push_back(std::make_unique<StoreSecrets>(std::move(store)));
  if (!settings.environment.empty()) {
    sources.push_back(std::make_unique<EnvironmentSecrets>(
        std::set<std::string>(settings.environment.begin(), settings.environment.end())));
  }
  if (!settings.folder.empty()) sources.push_back(std::make_unique<FileSecrets>(settings.folder));
  if (!settings.vault_address.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(VaultOptions vault, VaultOptionsOf(settings));
    sources.push_back(std::make_unique<VaultSecrets>(std::move(vault), transport));
  }
  AzureKeyVaultOptions azure;
  if (!settings.azure_identity_endpoint.empty()) azure.identity_endpoint = settings.azure_identity_endpoint;
  azure.vault_endpoint = settings.azure_vault_endpoint;
  sources.push_back(std::make_unique<AzureKeyVaultSecrets>(std::move(azure), transport));
  return sources;
}

}  // namespace slipway::secrets
