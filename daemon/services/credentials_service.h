// CredentialsService: slipway.v1.Credentials on the logins that the daemon keeps for all runs. Thread-safe.
#pragma once

#include "daemon/keyring/login_book.h"
#include "daemon/keyring/secret_book.h"
#include "slipway/v1/credentials.grpc.pb.h"

namespace slipway::services {

class CredentialsService final : public slipway::v1::Credentials::Service {
 public:
  /// Both must outlive it.
  CredentialsService(keyring::LoginBook& logins, const keyring::SecretBook& secrets)
      : logins_(logins), secrets_(secrets) {}

  grpc::Status SetCredential(grpc::ServerContext* context, const slipway::v1::SetCredentialRequest* request,
                             slipway::v1::Credential* response) override;
  grpc::Status ListCredentials(grpc::ServerContext* context, const slipway::v1::ListCredentialsRequest* request,
                               slipway::v1::ListCredentialsResponse* response) override;
  grpc::Status DeleteCredential(grpc::ServerContext* context, const slipway::v1::DeleteCredentialRequest* request,
                                slipway::v1::DeleteCredentialResponse* response) override;

 private:
  keyring::LoginBook& logins_;
  const keyring::SecretBook& secrets_;
};

}  // namespace slipway::services
