#include "tests/executor/content/store_fixture.h"

namespace slipway::content {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

class CollectTest : public StoreTest {
 protected:
  // `count` contents of `size` bytes that differ by `name`.
  static std::vector<std::string> Contents(std::string_view name, int count, size_t size) {
    std::vector<std::string> out;
    for (int i = 0; i < count; ++i) {
      std::string content = fmt::format("{} {} ", name, i);
      content.resize(size, '.');
      out.push_back(std::move(content));
    }
    return out;
  }
};

TEST_F(CollectTest, WithoutNeedNothingGoes) {
  const Digest digest = Put("0123456789");
  const CollectResult result = Collect({.keep_bytes = 10});
  EXPECT_EQ(result.removed_count, 0U);
  EXPECT_EQ(result.kept_bytes, 10U);
  EXPECT_TRUE(store_->Has(digest));
}

TEST_F(CollectTest, TheLeastRecentlyUsedGoesFirst) {
  const Digest a = Put("aaaa");
  clock_.Advance(minutes(1));
  const Digest b = Put("bbbb");
  clock_.Advance(minutes(1));
  const Digest c = PutPacked("cccc");
  clock_.Advance(minutes(1));
  Get(a);
  const CollectResult result = Collect({.keep_bytes = 8});
  EXPECT_EQ(result.removed_count, 1U);
  EXPECT_EQ(result.removed_bytes, 4U);
  EXPECT_FALSE(store_->Has(b));
  EXPECT_EQ(Get(a) + Get(c), "aaaacccc");
}

TEST_F(CollectTest, HasIsNoUseAndMissingIsOne) {
  const Digest a = Put("aaaa"), b = Put("bbbb");
  clock_.Advance(minutes(1));
  EXPECT_TRUE(store_->Has(a));
  EXPECT_TRUE(store_->Missing(std::span(&b, 1), nullptr)->empty());
  Collect({.keep_bytes = 4});
  EXPECT_FALSE(store_->Has(a));
  EXPECT_TRUE(store_->Has(b));
}

TEST_F(CollectTest, ContentUsedLatelyStaysWhateverItsSize) {
  const Digest old = Put("old");
  clock_.Advance(hours(2));
  const Digest young = Put("young");
  Collect({.keep_bytes = 0, .min_age = hours(1)});
  EXPECT_FALSE(store_->Has(old));
  EXPECT_TRUE(store_->Has(young));
}

TEST_F(CollectTest, LeasedContentStaysUntilTheLeaseEnds) {
  Lease lease = *store_->NewLease("test");
  const Digest blob = Put("blob", &lease), packed = PutPacked("packed", &lease);
  clock_.Advance(hours(1));
  EXPECT_EQ(Collect().removed_count, 0U);
  EXPECT_EQ(Get(blob) + Get(packed), "blobpacked");
  lease = Lease();
  EXPECT_EQ(Collect().removed_count, 2U);
  EXPECT_EQ(Get(blob) + Get(packed), "<NOT_FOUND><NOT_FOUND>");
  EXPECT_EQ(*store_->TotalBytes(), 0U);
}

TEST_F(CollectTest, ALeaseMayBeTakenBeforeTheContentComes) {
  Lease lease = *store_->NewLease("test");
  ASSERT_TRUE(lease.Add(Digest::Of("later")).ok());
  Put("later");
  Collect();
  EXPECT_TRUE(store_->Has(Digest::Of("later")));
}

TEST_F(CollectTest, ContentUnderTwoLeasesStaysForTheSecond) {
  Lease first = *store_->NewLease("first"), second = *store_->NewLease("second");
  const Digest digest = Put("x", &first);
  ASSERT_TRUE(second.Add(digest).ok());
  first = Lease();
  Collect();
  EXPECT_TRUE(store_->Has(digest));
  Lease moved = std::move(second);
  Collect();
  EXPECT_TRUE(store_->Has(digest));
  EXPECT_EQ(second.Add(digest).code(), Code::kInternal);  // NOLINT: what a moved lease says
}

TEST_F(CollectTest, ContentInUseStays) {
  const Digest kept = Put("kept"), packed = PutPacked("packed"), rest = Put("rest");
  Collect({}, {kept, packed});
  EXPECT_TRUE(store_->Has(kept));
  EXPECT_TRUE(store_->Has(packed));
  EXPECT_FALSE(store_->Has(rest));
}

TEST_F(CollectTest, ABlobInTheReadersHandOutlivesItsCollection) {
  const Blob blob = *store_->Open(Put("blob")), packed = *store_->Open(PutPacked("packed"));
  Collect();
  EXPECT_EQ(*blob.ReadAll() + *packed.ReadAll(), "blobpacked");
}

TEST_F(CollectTest, CollectedContentCanBePutAgain) {
  const Digest blob = Put("blob"), packed = PutPacked("packed");
  Collect();
  Put("blob");
  PutPacked("packed");
  EXPECT_EQ(Get(blob) + Get(packed), "blobpacked");
}

TEST_F(CollectTest, APackIsRemovedWithItsLastContent) {
  PutPacked(Contents("x", 100, 1000));
  EXPECT_GT(*store_->TotalBytes(), 100'000U);
  const CollectResult result = Collect();
  EXPECT_EQ(result.removed_count, 100U);
  EXPECT_EQ(result.kept_bytes, 0U);
  EXPECT_TRUE(List("packs").empty());
}

TEST_F(CollectTest, AMostlyDeadPackIsRewritten) {
  const std::vector<std::string> contents = Contents("x", 100, 1000);
  const std::vector<Digest> digests = PutPacked(contents);
  const std::vector<std::string> before = List("packs");
  clock_.Advance(minutes(1));
  for (size_t i = 0; i < 100; i += 4) Get(digests[i]);  // a quarter stays in use
  const CollectResult result = Collect({.keep_bytes = 25'000});
  EXPECT_EQ(result.removed_count, 75U);
  EXPECT_LT(result.kept_bytes, 27'000U);
  EXPECT_NE(List("packs"), before);
  for (int round = 0; round < 2; ++round, Reopen()) {
    EXPECT_LT(*store_->TotalBytes(), 27'000U);
    for (size_t i = 0; i < 100; ++i) EXPECT_EQ(Get(digests[i]), i % 4 == 0 ? contents[i] : "<NOT_FOUND>");
  }
}

TEST_F(CollectTest, ManySmallPacksBecomeOne) {
  std::vector<Digest> digests;
  for (int i = 0; i < 40; ++i) digests.push_back(PutPacked(fmt::format("content {}", i)));
  EXPECT_EQ(List("packs").size(), 40U);
  Collect({.keep_bytes = 1 << 20});
  EXPECT_EQ(List("packs").size(), 1U);
  for (int i = 0; i < 40; ++i) EXPECT_EQ(Get(digests[static_cast<size_t>(i)]), fmt::format("content {}", i));
}

TEST_F(CollectTest, DamagedContentIsDroppedWhenItsPackIsRewritten) {
  std::vector<Digest> digests;
  for (int i = 0; i < 40; ++i) digests.push_back(PutPacked(fmt::format("content {}", i)));
  const std::string path = Path("packs/" + List("packs")[7]);
  UniqueFd fd = *fs::Open(path, O_RDWR);
  ASSERT_TRUE(fs::WriteAllAt(fd.get(), "XX", 18).ok());
  Collect({.keep_bytes = 1 << 20});
  EXPECT_EQ(Get(digests[6]), "content 6");
  EXPECT_FALSE(store_->Has(digests[7]));
}

TEST_F(CollectTest, LastUsesSurviveARestart) {
  const Digest a = Put("aaaa");
  const Digest p = PutPacked("pppp");
  clock_.Advance(hours(1));
  const Digest b = Put("bbbb");
  clock_.Advance(hours(1));
  Get(a);
  Reopen();
  Collect({.keep_bytes = 8});
  EXPECT_TRUE(store_->Has(a));
  EXPECT_TRUE(store_->Has(b));
  EXPECT_FALSE(store_->Has(p));
}

TEST_F(CollectTest, LeasesDoNotSurviveARestart) {
  {
    Lease lease = *store_->NewLease("test");
    Put("x", &lease);
  }
  Reopen();
  EXPECT_EQ(Collect().removed_count, 1U);
}

TEST_F(CollectTest, ACancelledCollectionStopsAndSaysWhy) {
  Put("x");
  Context ctx = Context::Background().Child();
  ctx.Cancel(Cancelled("shutdown"));
  EXPECT_EQ(store_->Collect(ctx, {}, {}).code(), Code::kCancelled);
  EXPECT_TRUE(store_->Has(Digest::Of("x")));
}

}  // namespace
}  // namespace slipway::content
