#include "daemon/services/credentials_service.h"

#include <gmock/gmock.h>

#include "tests/testing/api_fixture.h"

namespace slipway::services {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Called as gRPC calls it.
class CredentialsServiceTest : public testing::ApiFixture {
 protected:
  CredentialsServiceTest() {
    store_of_secrets_ = *store::SecretStore::Open(dir_.path() + "/runs.db");
    secrets_ = std::make_unique<keyring::SecretBook>(*store_of_secrets_, *sealer_);
    logins_ = *keyring::LoginBook::Open({.store = *store_of_secrets_,
                                         .sealer = *sealer_,
                                         .clock = Clock::Real(),
                                         .resolve = [](const Context&, const std::string& address) {
                                           return Result<std::string>(NotFound("nothing at '{}'", address));
                                         }});
    service_ = std::make_unique<CredentialsService>(*logins_, *secrets_);
  }

  grpc::Status Set(const std::string& host, const std::string& user, const std::string& password,
                   const std::string& secret = "", v1::CredentialKind kind = v1::CREDENTIAL_KIND_UNSPECIFIED) {
    v1::SetCredentialRequest request;
    request.mutable_credential()->set_kind(kind);
    request.mutable_credential()->set_host(host);
    request.mutable_credential()->set_username(user);
    request.mutable_credential()->set_secret(secret);
    request.set_password(password);
    grpc::ServerContext ctx;
    return service_->SetCredential(&ctx, &request, &credential_);
  }
  grpc::Status Delete(const std::string& host, v1::CredentialKind kind = v1::CREDENTIAL_KIND_REGISTRY) {
    v1::DeleteCredentialRequest request;
    request.set_kind(kind);
    request.set_host(host);
    v1::DeleteCredentialResponse response;
    grpc::ServerContext ctx;
    return service_->DeleteCredential(&ctx, &request, &response);
  }
  v1::ListCredentialsResponse List() {
    v1::ListCredentialsResponse all;
    grpc::ServerContext ctx;
    const v1::ListCredentialsRequest request;
    EXPECT_TRUE(service_->ListCredentials(&ctx, &request, &all).ok());
    return all;
  }

  std::unique_ptr<store::SecretStore> store_of_secrets_;
  std::unique_ptr<keyring::SecretBook> secrets_;
  std::unique_ptr<keyring::LoginBook> logins_;
  std::unique_ptr<CredentialsService> service_;
  v1::Credential credential_;
};

TEST_F(CredentialsServiceTest, APasswordGoesInAndNoneComesOut) {
  ASSERT_TRUE(Set("https://index.docker.io/v1/", "ada", "hush").ok());
  ASSERT_TRUE(Set("Git.io", "", "hush-token", "", v1::CREDENTIAL_KIND_GIT).ok());
  EXPECT_EQ((*logins_->registries()->Lookup(Context::Background(), "docker.io"))->password, "hush");
  const v1::ListCredentialsResponse all = List();
  ASSERT_EQ(all.credentials_size(), 2);
  EXPECT_EQ(all.credentials(0).host(), "docker.io");
  EXPECT_EQ(all.credentials(0).kind(), v1::CREDENTIAL_KIND_REGISTRY);
  EXPECT_EQ(all.credentials(0).username(), "ada");
  EXPECT_EQ(all.credentials(1).host(), "git.io");
  EXPECT_THAT(all.SerializeAsString(), Not(HasSubstr("hush")));
  EXPECT_EQ(Reason(Delete("git.io")), "slipway/CREDENTIAL_NOT_FOUND");
  EXPECT_TRUE(Delete("git.io", v1::CREDENTIAL_KIND_GIT).ok());
  EXPECT_EQ(List().credentials_size(), 1);
}

TEST_F(CredentialsServiceTest, ASecretTakesThePlaceOfAPassword) {
  EXPECT_EQ(Reason(Set("r.io", "ada", "", "deploy")), "slipway/SECRET_NOT_FOUND");
  ASSERT_TRUE(secrets_->Set("deploy", "hush", Clock::Real().System()).ok());
  ASSERT_TRUE(Set("r.io", "ada", "", "deploy").ok());
  EXPECT_EQ(credential_.secret(), "store:deploy");
  EXPECT_TRUE(Set("s.io", "ada", "", "vault:kv/s#pw").ok()) << "whether that is there is not known now";
}

TEST_F(CredentialsServiceTest, WhatIsWrongIsNamed) {
  EXPECT_THAT(BadFields(Set("r.io/x", "a:b", "ab")), ElementsAre("credential.host", "credential.username", "password"));
  EXPECT_THAT(BadFields(Set("r.io", "ada", "")), ElementsAre("password"));
  EXPECT_THAT(BadFields(Set("r.io", "ada", "hush\n")), ElementsAre("password"));
  EXPECT_THAT(BadFields(Set("r.io", "ada", "hush", "deploy")), ElementsAre("password"));
  EXPECT_THAT(BadFields(Delete("")), ElementsAre("host"));
  EXPECT_EQ(List().credentials_size(), 0);
}

}  // namespace
}  // namespace slipway::services
