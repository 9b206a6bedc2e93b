// VaultSecrets: HashiCorp Vault's key-value engine, version 2, over its HTTP API.
//
//   vault:MOUNT/PATH#FIELD            the field of the newest version; without "#FIELD" the field "value"
//   vault:MOUNT/PATH?version=3#FIELD  of that version
//
// It signs in with a token, or by AppRole with a role and its secret, as the operator has it; a token that was got by
// AppRole is used until shortly before it ends, or until it is refused.
#pragma once

#include <chrono>
#include <mutex>
#include <string>

#include "executor/base/clock.h"
#include "executor/http/transport.h"
#include "steps/secrets/secret_source.h"

namespace slipway::secrets {

struct VaultOptions {
  std::string address;     ///< "https://vault.example.com:8200"
  std::string namespace_;  ///< of Vault Enterprise; "" for none
  std::string token;       ///< or else:
  std::string role_id;
  std::string secret_id;
  std::string approle_mount = "approle";
};

class VaultSecrets : public SecretSource {
 public:
  /// Both must outlive it.
  VaultSecrets(VaultOptions options, http::Transport& transport, const Clock& clock = Clock::Real())
      : options_(std::move(options)), transport_(transport), clock_(clock) {}

  std::string form() const override { return "vault:MOUNT/PATH#FIELD"; }
  bool Serves(std::string_view keyvault) const override { return keyvault.starts_with("vault:"); }
  Result<std::string> Fetch(const Context& ctx, const task::Secret& secret) override;

 private:
  struct Place {
    std::string url;
    std::string field;
  };
  Result<Place> Parse(const std::string& keyvault) const;
  Result<std::string> Token(const Context& ctx);
  Result<std::string> SignIn(const Context& ctx, std::chrono::seconds* lasts);
  void Forget(const std::string& token);
  Result<http::Response> Call(const Context& ctx, http::Request request, const std::string& token);

  const VaultOptions options_;
  http::Transport& transport_;
  const Clock& clock_;
  std::mutex mutex_;
  std::string token_;     // guarded by mutex_: by AppRole
  SystemTime token_end_;  // guarded by mutex_
};

}  // namespace slipway::secrets
