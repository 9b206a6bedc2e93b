#include "daemon/secrets/sealer.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "executor/base/fs.h"

namespace slipway::secrets {
namespace {

class SealerTest : public ::testing::Test {
 protected:
  fs::TempDir dir_ = *fs::TempDir::Make();
  std::string key_ = dir_.path() + "/key";
};

TEST_F(SealerTest, WhatIsSealedComesBackAfterARestart) {
  std::string sealed;
  {
    const Sealer sealer = *Sealer::Open(key_);
    sealed = *sealer.Seal("hunter2", "cf19");
  }
  EXPECT_EQ(sealed.find("hunter2"), std::string::npos);
  EXPECT_EQ(*Sealer::Open(key_)->Unseal(sealed, "cf19"), "hunter2");
}

TEST_F(SealerTest, EqualTextsAreSealedDifferently) {
  const Sealer sealer = *Sealer::Open(key_);
  EXPECT_NE(*sealer.Seal("x", "a"), *sealer.Seal("x", "a"));
  EXPECT_EQ(*sealer.Unseal(*sealer.Seal("", "a"), "a"), "");
}

TEST_F(SealerTest, AChangedTextOrPurposeIsNotOpened) {
  const Sealer sealer = *Sealer::Open(key_);
  const std::string sealed = *sealer.Seal("hunter2", "cf19");
  EXPECT_EQ(sealer.Unseal(sealed, "cf20").code(), Code::kDataLoss);
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_EQ(sealer.Unseal(changed, "cf19").code(), Code::kDataLoss) << i;
  }
  EXPECT_EQ(sealer.Unseal(sealed.substr(0, 10), "cf19").code(), Code::kDataLoss);
}

TEST_F(SealerTest, AnotherKeyOpensNothing) {
  const std::string sealed = *Sealer::Open(key_)->Seal("hunter2", "cf19");
  EXPECT_EQ(Sealer::Open(dir_.path() + "/key2")->Unseal(sealed, "cf19").code(), Code::kDataLoss);
}

TEST_F(SealerTest, TheKeyFileIsForItsOwnerOnly) {
  ASSERT_TRUE(Sealer::Open(key_).ok());
  struct stat st {};
  ASSERT_EQ(::stat(key_.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600U);
  ASSERT_EQ(::chmod(key_.c_str(), 0644), 0);
  EXPECT_EQ(Sealer::Open(key_).code(), Code::kFailedPrecondition);
}

TEST_F(SealerTest, AKeyIsExchangedInStepsOfWhichEachCanBeTheLast) {
  const std::string before = *Sealer::Open(key_)->Seal("old", "a");
  ASSERT_TRUE(Sealer::AddKey(key_).ok());
  const std::string during = *Sealer::Open(key_)->Seal("new", "a");
  EXPECT_EQ(*Sealer::Open(key_)->Unseal(before, "a"), "old");
  EXPECT_EQ(*Sealer::Open(key_)->Unseal(during, "a"), "new");
  ASSERT_TRUE(Sealer::DropOldKeys(key_).ok());
  EXPECT_EQ(Sealer::Open(key_)->Unseal(before, "a").code(), Code::kDataLoss);
  EXPECT_EQ(*Sealer::Open(key_)->Unseal(during, "a"), "new");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Sealer::AddKey(key_).ok());
  EXPECT_EQ(Sealer::AddKey(key_).code(), Code::kFailedPrecondition);
}

TEST_F(SealerTest, AKeyFileOfAnotherSizeIsRefused) {
  ASSERT_TRUE(fs::WriteFileAtomic(key_, "short", 0600).ok());
  EXPECT_EQ(Sealer::Open(key_).code(), Code::kFailedPrecondition);
}

}  // namespace
}  // namespace slipway::secrets
