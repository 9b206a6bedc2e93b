#include "daemon/tasks/key_rotation.h"

#include <gtest/gtest.h>

#include "daemon/keyring/login_book.h"
#include "daemon/keyring/secret_book.h"
#include "daemon/store/sqlite_run_store.h"
#include "tests/daemon/tasks/tasks_fixture.h"

namespace slipway::tasks {
namespace {

class KeyRotationTest : public TasksFixture {
 protected:
  void SetUp() override {
    TasksFixture::SetUp();
    runs_ = *store::SqliteRunStore::Open(fs::Join(dir_.path(), "runs.db"), "ca");
    secrets_ = *store::SecretStore::Open(fs::Join(dir_.path(), "runs.db"));
    ASSERT_TRUE(keyring::SecretBook(*secrets_, *sealer_).Set("deploy", "of the store", Clock::Real().System()).ok());
    const store::StoredLogin login{.kind = store::LoginKind::kGit,
                                   .host = "h.io",
                                   .username = "",
                                   .secret = "",
                                   .create_time = {},
                                   .update_time = {},
                                   .sealed = {}};
    ASSERT_TRUE(Logins(*sealer_)->Set(login, "of all").ok());
    task_ = *store_->Create(HookedTask(), Clock::Real().System());
    const auto seal = [this](const std::string& id) { return sealer_->Seal("of the run", id); };
    ASSERT_TRUE(runs_->Create({.now = Clock::Real().System(), .seal = seal}).ok());
  }
  std::unique_ptr<keyring::LoginBook> Logins(const secrets::Sealer& sealer) {
    return *keyring::LoginBook::Open(
        {.store = *secrets_, .sealer = sealer, .clock = Clock::Real(), .resolve = nullptr});
  }
  std::string KeyFile() const { return fs::Join(dir_.path(), "key"); }
  void ExpectReadable(const secrets::Sealer& sealer) {
    EXPECT_EQ(TaskSecrets::Open(*store_->Get("hooked"), sealer)->Get("trigger:t:secret"), "s3cret");
    EXPECT_EQ(*sealer.Unseal(runs_->Get("ca1")->sealed, "ca1"), "of the run");
    EXPECT_EQ(*keyring::SecretBook(*secrets_, sealer).Get("deploy"), "of the store");
    EXPECT_EQ(Logins(sealer)->Values(), std::vector<std::string>{"of all"});
  }

  std::unique_ptr<store::RunStore> runs_;
  std::unique_ptr<store::SecretStore> secrets_;
  store::Task task_;
};

TEST_F(KeyRotationTest, EverythingIsSealedAnewAndTheOldKeyOpensNothing) {
  const auto rotated = RotateKey(KeyFile(), *store_, *runs_, *secrets_);
  ASSERT_TRUE(rotated.ok()) << rotated.status().message();
  EXPECT_EQ(rotated->tasks, 1U);
  EXPECT_EQ(rotated->runs, 1U);
  EXPECT_EQ(rotated->secrets, 1U);
  EXPECT_EQ(rotated->logins, 1U);
  ExpectReadable(*secrets::Sealer::Open(KeyFile()));
  EXPECT_EQ(fs::ReadFile(KeyFile())->size(), 32U);
  EXPECT_EQ(TaskSecrets::Open(*store_->Get("hooked"), *sealer_).code(), Code::kDataLoss);
  EXPECT_EQ(sealer_->Unseal(runs_->Get("ca1")->sealed, "ca1").code(), Code::kDataLoss);
  EXPECT_EQ(store_->Get("hooked")->etag, task_.etag);
}

TEST_F(KeyRotationTest, OneThatWasInterruptedIsRepeated) {
  ASSERT_TRUE(secrets::Sealer::AddKey(KeyFile()).ok());  // and then the power went
  ExpectReadable(*secrets::Sealer::Open(KeyFile()));
  ASSERT_TRUE(RotateKey(KeyFile(), *store_, *runs_, *secrets_).ok());
  ExpectReadable(*secrets::Sealer::Open(KeyFile()));
  EXPECT_EQ(fs::ReadFile(KeyFile())->size(), 32U);
}

TEST_F(KeyRotationTest, NothingIsForgottenWhileSomethingCannotBeRead) {
  store::Task foreign = HookedTask("foreign");
  foreign.sealed[20] = static_cast<char>(foreign.sealed[20] ^ 1);
  ASSERT_TRUE(store_->Create(foreign, Clock::Real().System()).ok());
  EXPECT_EQ(RotateKey(KeyFile(), *store_, *runs_, *secrets_).code(), Code::kDataLoss);
  ExpectReadable(*secrets::Sealer::Open(KeyFile()));
}

}  // namespace
}  // namespace slipway::tasks
