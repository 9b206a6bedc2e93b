#include "daemon/keyring/secret_book.h"

#include <gmock/gmock.h>

#include "tests/daemon/keyring/keyring_fixture.h"

namespace slipway::keyring {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

class SecretBookTest : public KeyringFixture {
 protected:
  SecretBook book_{*store_, *sealer_};
};

TEST_F(SecretBookTest, GivesBackWhatWasSetAndKeepsNoneOfItInTheClear) {
  const std::string value("hush \0\xff bytes", 13);
  ASSERT_TRUE(book_.Set("deploy", value, kNow).ok());
  EXPECT_EQ(*book_.Get("deploy"), value);
  EXPECT_THAT(Disk(), HasSubstr("deploy"));
  EXPECT_THAT(Disk(), Not(HasSubstr("hush")));
  ASSERT_TRUE(book_.Set("deploy", "other", kNow).ok());
  EXPECT_EQ(*book_.Get("deploy"), "other");
  EXPECT_THAT(*book_.List("", 10), SizeIs(1));
}

TEST_F(SecretBookTest, AMissingOneIsToldWithTheNameThatWasMeant) {
  ASSERT_TRUE(book_.Set("deploy-key", "hush", kNow).ok());
  const auto typo = book_.Get("deploy-kye");
  EXPECT_EQ(typo.code(), Code::kNotFound);
  EXPECT_THAT(typo.status().message(), HasSubstr("did you mean 'deploy-key'?"));
  EXPECT_THAT(book_.Get("x").status().message(), HasSubstr("'slipway secret set x' makes one"));
}

TEST_F(SecretBookTest, ARowOpensUnderItsOwnNameOnly) {
  ASSERT_TRUE(book_.Set("mine", "hush", kNow).ok());
  store::StoredSecret copied = *store_->GetSecret("mine");
  copied.name = "yours";
  ASSERT_TRUE(store_->Put(copied, kNow, kMostSecrets).ok());
  EXPECT_EQ(book_.Get("yours").code(), Code::kDataLoss);
}

TEST_F(SecretBookTest, IsSealedAnewWithANewKey) {
  ASSERT_TRUE(book_.Set("a", "hush-a", kNow).ok());
  ASSERT_TRUE(book_.Set("b", "hush-b", kNow).ok());
  ASSERT_TRUE(secrets::Sealer::AddKey(KeyFile()).ok());
  EXPECT_EQ(*ResealSecrets(*store_, *secrets::Sealer::Open(KeyFile())), 2U);
  ASSERT_TRUE(secrets::Sealer::DropOldKeys(KeyFile()).ok());
  const secrets::Sealer fresh = *secrets::Sealer::Open(KeyFile());
  EXPECT_EQ(*SecretBook(*store_, fresh).Get("b"), "hush-b");
  EXPECT_EQ(book_.Get("b").code(), Code::kDataLoss) << "the old key opens nothing";
}

TEST(SecretNames, AreWordsThatFitIntoAnAddress) {
  for (const char* good : {"a", "Deploy_key-2.pem", "0"}) EXPECT_TRUE(IsSecretName(good)) << good;
  for (const char* bad : {"", ".hidden", "a/b", "a b", "ä", "a:b"}) EXPECT_FALSE(IsSecretName(bad)) << bad;
  EXPECT_FALSE(IsSecretName(std::string(128, 'a')));
  EXPECT_EQ(SecretAddress("deploy"), "store:deploy");
  EXPECT_EQ(SecretAddress("vault:kv/x#y"), "vault:kv/x#y");
  EXPECT_EQ(SecretAddress(""), "");
}

}  // namespace
}  // namespace slipway::keyring
