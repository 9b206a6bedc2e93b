// What the operator says about the sources of secrets: daemon/README.md lists the keys. Plain data.
#pragma once

#include <string>
#include <vector>

namespace slipway::secrets {

struct SourceSettings {
  std::vector<std::string> environment;  ///< variables that tasks may read; none: no `env:`
  std::string folder;                    ///< of files that tasks may read; "": no `file:`
  std::string vault_address;             ///< "": no `vault:`
  std::string vault_namespace;
  std::string vault_token_file;  ///< or else:
  std::string vault_role_id;
  std::string vault_secret_id_file;
  std::string azure_identity_endpoint;  ///< "": that of a machine in Azure
  std::string azure_vault_endpoint;     ///< "": each vault's own host
};

}  // namespace slipway::secrets
