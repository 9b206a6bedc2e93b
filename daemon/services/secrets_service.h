// SecretsService: slipway.v1.Secrets on the daemon's own store of secrets. Thread-safe.
#pragma once

#include "daemon/keyring/secret_book.h"
#include "executor/base/clock.h"
#include "slipway/v1/secrets.grpc.pb.h"

namespace slipway::services {

class SecretsService final : public slipway::v1::Secrets::Service {
 public:
  /// All must outlive it.
  SecretsService(keyring::SecretBook& book, const Clock& clock) : book_(book), clock_(clock) {}

  grpc::Status SetSecret(grpc::ServerContext* context, const slipway::v1::SetSecretRequest* request,
                         slipway::v1::Secret* response) override;
  grpc::Status ListSecrets(grpc::ServerContext* context, const slipway::v1::ListSecretsRequest* request,
                           slipway::v1::ListSecretsResponse* response) override;
  grpc::Status DeleteSecret(grpc::ServerContext* context, const slipway::v1::DeleteSecretRequest* request,
                            slipway::v1::DeleteSecretResponse* response) override;

 private:
  keyring::SecretBook& book_;
  const Clock& clock_;
};

}  // namespace slipway::services
