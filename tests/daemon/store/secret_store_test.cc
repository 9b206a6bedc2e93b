#include "daemon/store/secret_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/store/sqlite_run_store.h"
#include "executor/base/fs.h"

namespace slipway::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const SystemTime kNow(std::chrono::seconds(1'700'000'000));
const SystemTime kLater = kNow + std::chrono::hours(1);

class SecretStoreTest : public ::testing::Test {
 protected:
  SecretStoreTest() {
    runs_ = *SqliteRunStore::Open(fs::Join(dir_.path(), "runs.db"), "ca");  // makes the tables
    store_ = *SecretStore::Open(fs::Join(dir_.path(), "runs.db"));
  }
  Result<StoredSecret> Put(const std::string& name, const std::string& sealed, SystemTime now = kNow,
                           size_t most = 10) {
    return store_->Put(StoredSecret{.name = name, .create_time = {}, .update_time = {}, .sealed = sealed}, now, most);
  }
  static StoredLogin Login(const std::string& host, LoginKind kind = LoginKind::kRegistry) {
    return {.kind = kind,
            .host = host,
            .username = "ada",
            .secret = "",
            .create_time = {},
            .update_time = {},
            .sealed = std::string("\0pw", 3)};
  }
  std::vector<std::string> Names(const std::string& after = "", size_t most = 10) {
    std::vector<std::string> out;
    const std::vector<StoredSecret> found = *store_->Secrets(after, most);
    for (const StoredSecret& one : found) out.push_back(one.name);
    return out;
  }

  fs::TempDir dir_ = *fs::TempDir::Make();
  std::unique_ptr<SqliteRunStore> runs_;
  std::unique_ptr<SecretStore> store_;
};

TEST_F(SecretStoreTest, ASecretIsReplacedAndKeepsWhenItWasMade) {
  ASSERT_TRUE(Put("deploy", std::string("a\0b", 3)).ok());
  const auto again = Put("deploy", "other", kLater);
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(again->create_time, kNow);
  EXPECT_EQ(again->update_time, kLater);
  EXPECT_EQ(*store_->GetSecret("deploy"), *again);
  EXPECT_EQ(store_->GetSecret("Deploy").code(), Code::kNotFound);
}

TEST_F(SecretStoreTest, AreListedByNameInPieces) {
  for (const char* name : {"b", "c", "a"}) ASSERT_TRUE(Put(name, "x").ok());
  EXPECT_THAT(Names(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(Names("a", 1), ElementsAre("b"));
}

TEST_F(SecretStoreTest, TheirNumberIsBoundedButNotTheirChange) {
  ASSERT_TRUE(Put("a", "x", kNow, 1).ok());
  EXPECT_EQ(Put("b", "x", kNow, 1).code(), Code::kResourceExhausted);
  EXPECT_TRUE(Put("a", "y", kNow, 1).ok());
  ASSERT_TRUE(store_->Put(Login("r.io"), kNow, 1).ok());
  EXPECT_EQ(store_->Put(Login("s.io"), kNow, 1).code(), Code::kResourceExhausted);
}

TEST_F(SecretStoreTest, OneThatALoginReadsIsNotRemoved) {
  ASSERT_TRUE(Put("deploy", "x").ok());
  StoredLogin login = Login("r.io");
  login.secret = "store:deploy";
  ASSERT_TRUE(store_->Put(login, kNow, 10).ok());
  const Status refused = store_->DeleteSecret("deploy", "store:deploy");
  EXPECT_EQ(refused.code(), Code::kFailedPrecondition);
  EXPECT_THAT(refused.message(), HasSubstr("'r.io'"));
  ASSERT_TRUE(store_->DeleteLogin(LoginKind::kRegistry, "r.io").ok());
  EXPECT_TRUE(store_->DeleteSecret("deploy", "store:deploy").ok());
  EXPECT_EQ(store_->DeleteSecret("deploy", "store:deploy").code(), Code::kNotFound);
}

TEST_F(SecretStoreTest, AHostMayHaveALoginOfEachKind) {
  ASSERT_TRUE(store_->Put(Login("h.io", LoginKind::kGit), kNow, 10).ok());
  ASSERT_TRUE(store_->Put(Login("h.io"), kNow, 10).ok());
  ASSERT_TRUE(store_->Put(Login("a.io"), kNow, 10).ok());
  const std::vector<StoredLogin> all = *store_->Logins();
  ASSERT_THAT(all, SizeIs(3));
  EXPECT_EQ(all[0].host, "a.io");
  EXPECT_EQ(all[1].kind, LoginKind::kRegistry);
  EXPECT_EQ(all[2].kind, LoginKind::kGit);
  EXPECT_EQ(all[2].sealed, std::string("\0pw", 3));
  ASSERT_TRUE(store_->DeleteLogin(LoginKind::kGit, "h.io").ok());
  EXPECT_EQ(store_->DeleteLogin(LoginKind::kGit, "h.io").code(), Code::kNotFound);
  EXPECT_THAT(*store_->Logins(), SizeIs(2));
}

}  // namespace
}  // namespace slipway::store
