// The catalog's leases: what several hold, what is named twice, and what is let go.
#include "executor/content/catalog.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace slipway::content
