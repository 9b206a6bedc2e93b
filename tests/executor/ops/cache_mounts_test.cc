#include "executor/ops/cache_mounts.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <future>
#include <thread>

#include "executor/base/fs.h"

namespace slipway::ops {
namespace {

using graph::CacheSharing;
using ::testing::SizeIs;

class CacheMountsTest : public ::testing::Test {
 protected:
  void SetUp() override { mounts_ = CacheMounts::Open(root_).value(); }

  Result<CacheMounts::Use> Acquire(const std::string& id, CacheSharing sharing = CacheSharing::kShared) {
    return mounts_->Acquire(ctx_, id, sharing, [this](const std::string&) {
      ++filled_;
      return Status();
    });
  }
  // The folder was last used so many seconds after the epoch, by nobody now.
  void UsedAt(const std::string& id, time_t when) {
    std::string path;
    {
      const CacheMounts::Use use = Acquire(id).value();
      path = use.path();
      ASSERT_TRUE(fs::WriteFileAtomic(fs::Join(path, "file"), std::string(100'000, 'x')).ok());
    }
    const timespec times[] = {{when, 0}, {when, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (path + ".used").c_str(), times, 0), 0);
  }
  bool IsKept(const std::string& id) {
    const int before = filled_;
    (void)Acquire(id).value();
    return filled_ == before;
  }

  fs::TempDir dir_ = fs::TempDir::Make().value();
  const std::string root_ = fs::Join(dir_.path(), "mounts");
  const Context ctx_ = Context::Background().Child();
  std::unique_ptr<CacheMounts> mounts_;
  std::atomic<int> filled_ = 0;
};

TEST_F(CacheMountsTest, AFolderIsFilledOnceAndKept) {
  std::string path;
  {
    const CacheMounts::Use use = Acquire("npm").value();
    path = use.path();
    ASSERT_TRUE(fs::WriteFileAtomic(fs::Join(path, "file"), "kept").ok());
  }
  const CacheMounts::Use again = Acquire("npm").value();
  EXPECT_EQ(again.path(), path);
  EXPECT_EQ(fs::ReadFile(fs::Join(path, "file")).value(), "kept");
  EXPECT_NE(Acquire("apt").value().path(), path);
  EXPECT_EQ(filled_, 2);
}

TEST_F(CacheMountsTest, SharersWaitUntilTheFirstHasFilledIt) {
  std::promise<void> filling;
  std::promise<void> go_on;
  std::thread first([&] {
    const auto fill = [&](const std::string& folder) {
      filling.set_value();
      go_on.get_future().wait();
      return fs::WriteFileAtomic(fs::Join(folder, "seed"), "whole");
    };
    EXPECT_TRUE(mounts_->Acquire(ctx_, "npm", CacheSharing::kShared, fill).ok());
  });
  filling.get_future().wait();
  std::thread second([&] {
    const auto use = Acquire("npm");
    ASSERT_TRUE(use.ok()) << use.status().message();
    EXPECT_EQ(fs::ReadFile(fs::Join(use->path(), "seed")).value(), "whole");
  });
  go_on.set_value();
  first.join();
  second.join();
  EXPECT_EQ(filled_, 0) << "the second found it filled";
}

TEST_F(CacheMountsTest, WhatCouldNotBeFilledIsNotThere) {
  const auto fails = [](const std::string& folder) {
    EXPECT_TRUE(fs::WriteFileAtomic(fs::Join(folder, "half"), "x").ok());
    return NotFound("the seed is not there");
  };
  EXPECT_EQ(mounts_->Acquire(ctx_, "npm", CacheSharing::kShared, fails).code(), Code::kNotFound);
  EXPECT_THAT(fs::ListDir(root_).value(), SizeIs(0));
  const CacheMounts::Use use = Acquire("npm").value();
  EXPECT_EQ(filled_, 1);
  EXPECT_THAT(fs::ListDir(use.path()).value(), SizeIs(0));
}

TEST_F(CacheMountsTest, WhatACrashLeftHalfFilledGoes) {
  UsedAt("whole", 100);
  ASSERT_TRUE(fs::MakeDirs(fs::Join(root_, ".1/half")).ok());
  ASSERT_TRUE(fs::WriteFileAtomic(fs::Join(root_, "gone-0.used"), "").ok());
  mounts_ = CacheMounts::Open(root_).value();
  EXPECT_THAT(fs::ListDir(root_).value(), SizeIs(2)) << "the one that is whole, and its stamp";
  EXPECT_TRUE(IsKept("whole"));
}

TEST_F(CacheMountsTest, ALockedFolderHasOneUserAtATime) {
  std::atomic<int> inside = 0;
  std::vector<std::thread> users;
  for (int i = 0; i < 8; ++i) {
    users.emplace_back([&] {
      const auto use = Acquire("apt", CacheSharing::kLocked);
      ASSERT_TRUE(use.ok());
      EXPECT_EQ(++inside, 1);
      std::this_thread::yield();
      --inside;
    });
  }
  for (std::thread& user : users) user.join();
  EXPECT_EQ(filled_, 1);
}

TEST_F(CacheMountsTest, PrivateUsersHaveFoldersOfTheirOwn) {
  auto first = std::make_unique<CacheMounts::Use>(Acquire("go", CacheSharing::kPrivate).value());
  const CacheMounts::Use second = Acquire("go", CacheSharing::kPrivate).value();
  EXPECT_NE(first->path(), second.path());
  const std::string path = first->path();
  first.reset();
  EXPECT_EQ(Acquire("go", CacheSharing::kPrivate).value().path(), path) << "taken up again";
}

TEST_F(CacheMountsTest, AStepThatMountsACacheTwiceDoesNotWaitForItself) {
  const auto fill = [](const std::string&) { return Status(); };
  const auto uses = mounts_->AcquireAll(ctx_, {{"apt", CacheSharing::kShared, fill},
                                               {"npm", CacheSharing::kShared, fill},
                                               {"apt", CacheSharing::kLocked, fill}});
  ASSERT_TRUE(uses.ok()) << uses.status().message();
  ASSERT_THAT(*uses, SizeIs(3));
  EXPECT_EQ((*uses)[0]->path(), (*uses)[2]->path());
  EXPECT_NE((*uses)[0]->path(), (*uses)[1]->path());
}

TEST_F(CacheMountsTest, StepsThatWantTheSameInAnotherOrderDoNotWaitForEachOther) {
  const auto fill = [](const std::string&) { return Status(); };
  std::vector<std::thread> steps;
  for (int i = 0; i < 4; ++i) {
    steps.emplace_back([&, i] {
      const CacheMounts::Wish apt{"apt", CacheSharing::kLocked, fill};
      const CacheMounts::Wish npm{"npm", CacheSharing::kLocked, fill};
      for (int round = 0; round < 200; ++round) {
        EXPECT_TRUE(mounts_->AcquireAll(ctx_, i % 2 == 0 ? std::vector{apt, npm} : std::vector{npm, apt}).ok());
      }
    });
  }
  for (std::thread& step : steps) step.join();
}

TEST_F(CacheMountsTest, CountsWhatTheyTakeAlsoAfterAnotherUse) {
  UsedAt("a", 100);
  const uint64_t one = mounts_->Bytes().value();
  EXPECT_GE(one, 100'000U);
  UsedAt("b", 200);
  EXPECT_GE(mounts_->Bytes().value(), one + 100'000U);
  {
    const CacheMounts::Use use = Acquire("a").value();
    ASSERT_TRUE(fs::WriteFileAtomic(fs::Join(use.path(), "more"), std::string(300'000, 'x')).ok());
  }
  EXPECT_GE(mounts_->Bytes().value(), one + 400'000U);
}

TEST_F(CacheMountsTest, TheLeastRecentlyUsedGoFirst) {
  UsedAt("second", 200);
  UsedAt("first", 100);
  UsedAt("third", 300);
  EXPECT_EQ(mounts_->DropOldest(4).value(), 1U);
  EXPECT_TRUE(IsKept("second"));
  EXPECT_TRUE(IsKept("third"));
  EXPECT_FALSE(IsKept("first"));
}

TEST_F(CacheMountsTest, AllThatNobodyUsesMayGoAtOnce) {
  UsedAt("a", 100);
  UsedAt("b", 200);
  EXPECT_EQ(mounts_->DropOldest(1).value(), 2U);
  EXPECT_THAT(fs::ListDir(root_).value(), SizeIs(0)) << "neither folders nor stamps";
}

TEST_F(CacheMountsTest, WhatIsInUseStays) {
  UsedAt("idle", 200);
  UsedAt("busy", 100);
  const CacheMounts::Use use = Acquire("busy").value();
  EXPECT_EQ(mounts_->DropOldest(4).value(), 1U);
  EXPECT_EQ(mounts_->DropOldest(4).value(), 0U);
  EXPECT_TRUE(fs::Exists(fs::Join(use.path(), "file")));
}

}  // namespace
}  // namespace slipway::ops
