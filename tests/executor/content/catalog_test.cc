// The catalog's leases: what several hold, what is named twice, and what is let go.
#include "executor/content/catalog.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace slipway::content {
namespace {

class CatalogTest : public ::testing::Test {
 protected:
  CatalogTest() {
    for (int i = 0; i < kContents; ++i) {
      digests_.push_back(Digest::Of(std::to_string(i)));
      catalog_.LoadBlob(digests_.back(), 10, SystemTime());
    }
  }
  /// Whether it could be collected; it is there again afterwards.
  bool IsFree(const Digest& digest) {
    for (const Candidate& candidate : catalog_.Candidates()) {
      if (candidate.digest != digest) continue;
      if (!catalog_.Take(candidate)) return false;
      catalog_.FinishBlob(digest, 10, 0);
      return true;
    }
    return false;
  }

  static constexpr int kContents = 5000;
  Catalog catalog_{Clock::Real()};
  std::vector<Digest> digests_;
};

TEST_F(CatalogTest, ContentIsFreeWhenTheLastLeaseHasEnded) {
  const int64_t one = catalog_.NewLease();
  const int64_t two = catalog_.NewLease();
  EXPECT_TRUE(catalog_.Missing(digests_, one).empty());
  catalog_.AddToLease(two, digests_);
  EXPECT_FALSE(IsFree(digests_[0]));
  catalog_.EndLease(one);
  EXPECT_FALSE(IsFree(digests_[0]));
  EXPECT_FALSE(IsFree(digests_[kContents - 1]));
  catalog_.EndLease(two);
  EXPECT_TRUE(IsFree(digests_[0]));
  EXPECT_TRUE(IsFree(digests_[kContents - 1]));
}

TEST_F(CatalogTest, NamingContentOftenIsNamingItOnce) {
  const int64_t often = catalog_.NewLease();
  const int64_t once = catalog_.NewLease();
  for (int i = 0; i < 10'000; ++i) catalog_.LeaseIfPresent(digests_[static_cast<size_t>(i % 3)], often);
  for (int i = 0; i < 5; ++i) catalog_.AddToLease(often, digests_);
  catalog_.AddToLease(once, std::span(digests_).first(1));
  catalog_.EndLease(often);
  EXPECT_FALSE(IsFree(digests_[0]));
  for (size_t i = 1; i < 10; ++i) EXPECT_TRUE(IsFree(digests_[i])) << i;
  catalog_.EndLease(once);
  EXPECT_TRUE(IsFree(digests_[0]));
}

TEST_F(CatalogTest, ALeaseHoldsWhatIsYetToCome) {
  const Digest later = Digest::Of("later");
  const int64_t lease = catalog_.NewLease();
  catalog_.AddToLease(lease, std::span(&later, 1));
  catalog_.LoadBlob(later, 10, SystemTime());
  EXPECT_FALSE(IsFree(later));
  catalog_.EndLease(lease);
  catalog_.EndLease(lease);
  EXPECT_TRUE(IsFree(later));
}

// A blob and a pack whose syncs are under way.
Status KeepWaiting() { return Status(); }

class UnsyncedTest : public ::testing::Test {
 protected:
  UnsyncedTest() {
    catalog_.BeginSync(7);
    catalog_.AddPack(7, 100, std::vector<PackItem>{{.digest = packed_, .offset = 16, .size = 6}}, lease_);
    EXPECT_FALSE(catalog_.ReserveBlob(blob_, lease_));
    catalog_.BeginSync(8);
    catalog_.FinishBlob(blob_, 10, lease_, 8);
  }
  std::vector<Digest> Missing() { return catalog_.Missing(std::vector{packed_, blob_}, 0); }

  Catalog catalog_{Clock::Real()};
  const Digest packed_ = Digest::Of("packed"), blob_ = Digest::Of("blob");
  const int64_t lease_ = catalog_.NewLease();
};

TEST_F(UnsyncedTest, WhoHoldsThemWaits) {
  std::atomic<bool> ended = false;
  std::thread settler([&] {
    catalog_.EndSync(7, Status());
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ended = true;
    catalog_.EndSync(8, Status());
  });
  EXPECT_TRUE(catalog_.AwaitSynced(lease_, KeepWaiting).ok());
  EXPECT_TRUE(ended);
  settler.join();
}

TEST_F(UnsyncedTest, NobodyWaitsForWhomNobodyWaits) {
  EXPECT_EQ(catalog_.AwaitSynced(lease_, [] { return Cancelled("the client is gone"); }).code(), Code::kCancelled);
}

TEST_F(UnsyncedTest, OthersDoNot) {
  const int64_t other = catalog_.NewLease();
  EXPECT_TRUE(catalog_.AwaitSynced(other, KeepWaiting).ok());
  EXPECT_TRUE(catalog_.AwaitSynced(12345, KeepWaiting).ok());
}

TEST_F(UnsyncedTest, WhatCouldNotBeSyncedCanBeReadAndCountsAsMissing) {
  catalog_.EndSync(7, DataLoss("the pack"));
  catalog_.EndSync(8, DataLoss("the blob"));
  EXPECT_EQ(catalog_.AwaitSynced(lease_, KeepWaiting).code(), Code::kDataLoss);
  EXPECT_EQ(Missing(), (std::vector{packed_, blob_}));
  EXPECT_TRUE(catalog_.Use(packed_) && catalog_.Use(blob_));
  EXPECT_FALSE(catalog_.LeaseIfPresent(blob_, lease_));

  const int64_t next = catalog_.NewLease();  // they are brought again
  catalog_.AddPack(9, 100, std::vector<PackItem>{{.digest = packed_, .offset = 16, .size = 6}}, next);
  EXPECT_FALSE(catalog_.ReserveBlob(blob_, next));
  catalog_.FinishBlob(blob_, 10, next);
  EXPECT_TRUE(Missing().empty());
  EXPECT_TRUE(catalog_.AwaitSynced(next, KeepWaiting).ok());
  EXPECT_EQ(catalog_.Use(packed_)->pack, 9U);
  EXPECT_TRUE(catalog_.TakePackIfDead(7)) << "nothing of it is used any more";
}

}  // namespace
}  // namespace slipway::content
