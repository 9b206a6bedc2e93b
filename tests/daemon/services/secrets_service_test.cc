#include "daemon/services/secrets_service.h"

#include <gmock/gmock.h>

#include "daemon/store/secret_store.h"
#include "tests/testing/api_fixture.h"

namespace slipway::services {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Called as gRPC calls it.
class SecretsServiceTest : public testing::ApiFixture {
 protected:
  SecretsServiceTest() {
    secrets_ = *store::SecretStore::Open(dir_.path() + "/runs.db");
    book_ = std::make_unique<keyring::SecretBook>(*secrets_, *sealer_);
    service_ = std::make_unique<SecretsService>(*book_, Clock::Real());
  }

  grpc::Status Set(const std::string& name, const std::string& value) {
    v1::SetSecretRequest request;
    request.set_name(name);
    request.set_value(value);
    grpc::ServerContext ctx;
    return service_->SetSecret(&ctx, &request, &secret_);
  }
  grpc::Status List(int32_t size, const std::string& token) {
    v1::ListSecretsRequest request;
    request.set_page_size(size);
    request.set_page_token(token);
    page_.Clear();
    grpc::ServerContext ctx;
    return service_->ListSecrets(&ctx, &request, &page_);
  }
  grpc::Status Delete(const std::string& name) {
    v1::DeleteSecretRequest request;
    request.set_name(name);
    v1::DeleteSecretResponse response;
    grpc::ServerContext ctx;
    return service_->DeleteSecret(&ctx, &request, &response);
  }

  std::unique_ptr<store::SecretStore> secrets_;
  std::unique_ptr<keyring::SecretBook> book_;
  std::unique_ptr<SecretsService> service_;
  v1::Secret secret_;
  v1::ListSecretsResponse page_;
};

TEST_F(SecretsServiceTest, AValueGoesInAndNoneComesOut) {
  ASSERT_TRUE(Set("deploy", "hush\xff").ok());
  EXPECT_EQ(*book_->Get("deploy"), "hush\xff");
  ASSERT_TRUE(List(0, "").ok());
  ASSERT_EQ(page_.secrets_size(), 1);
  EXPECT_EQ(page_.secrets(0).name(), "deploy");
  EXPECT_TRUE(page_.secrets(0).has_create_time());
  EXPECT_THAT(page_.SerializeAsString(), Not(HasSubstr("hush")));
  EXPECT_THAT(secret_.SerializeAsString(), Not(HasSubstr("hush")));
}

TEST_F(SecretsServiceTest, WhatIsWrongIsNamed) {
  EXPECT_THAT(BadFields(Set("a/b", "x")), ElementsAre("name", "value"));
  EXPECT_THAT(BadFields(Set("a", std::string((1U << 20) + 1, 'x'))), ElementsAre("value"));
  EXPECT_THAT(BadFields(Set("a", "")), ElementsAre("value"));
  EXPECT_THAT(BadFields(List(-1, "../x")), ElementsAre("page_size", "page_token"));
  EXPECT_THAT(BadFields(Delete("")), ElementsAre("name"));
  EXPECT_EQ(Reason(Delete("none")), "slipway/SECRET_NOT_FOUND");
}

TEST_F(SecretsServiceTest, AreListedByPages) {
  for (const char* name : {"c", "a", "b"}) ASSERT_TRUE(Set(name, "hush").ok());
  ASSERT_TRUE(List(2, "").ok());
  ASSERT_EQ(page_.secrets_size(), 2);
  EXPECT_EQ(page_.secrets(1).name(), "b");
  ASSERT_TRUE(List(2, page_.next_page_token()).ok());
  ASSERT_EQ(page_.secrets_size(), 1);
  EXPECT_EQ(page_.secrets(0).name(), "c");
  EXPECT_EQ(page_.next_page_token(), "");
}

}  // namespace
}  // namespace slipway::services
