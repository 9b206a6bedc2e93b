#include "daemon/sources/uploads.h"

#include <gtest/gtest.h>

#include "executor/base/fs.h"
#include "executor/tree/entry.h"
#include "tests/testing/manual_clock.h"

namespace slipway::sources {
namespace {

class UploadsTest : public ::testing::Test {
 protected:
  // Stores a folder of one file; nobody holds it but the lease.
  Digest Store(content::Lease* lease) {
    tree::Entry entry;
    entry.path = "a";
    entry.size = 4;
    entry.digest = *store_->Put("aaaa", lease);
    return *store_->Put(tree::Encode(tree::Tree({entry})), lease);
  }
  void Collect() { ASSERT_TRUE(store_->Collect(Context::Background(), {}, {}).ok()); }

  fs::TempDir dir_ = *fs::TempDir::Make();
  std::unique_ptr<content::Store> store_ = *content::Store::Open(dir_.path());
  testing::ManualClock clock_;
  Uploads uploads_{*store_, clock_};
};

TEST_F(UploadsTest, AnUploadIsKeptForAnHour) {
  content::Lease lease = *store_->NewLease("test");
  const Digest tree = Store(&lease);
  uploads_.Hold(tree, std::move(lease));
  clock_.now += std::chrono::minutes(59);
  uploads_.Sweep();
  Collect();
  EXPECT_TRUE(store_->Has(tree));
  clock_.now += std::chrono::minutes(2);
  uploads_.Sweep();
  Collect();
  EXPECT_FALSE(store_->Has(tree));
  EXPECT_EQ(uploads_.Pin(tree).code(), Code::kNotFound);
}

TEST_F(UploadsTest, WhatArrivesIsOfferedWithItsLease) {
  std::vector<source::ArrivedTree> offered;
  Uploads uploads(*store_, clock_,
                  [&offered](source::ArrivedTree arrived) { offered.push_back(std::move(arrived)); });
  content::Lease lease = *store_->NewLease("test");
  const Digest tree = Store(&lease);
  uploads.Hold(tree, std::move(lease));
  EXPECT_TRUE(offered.empty()) << "nothing was at hand";
  uploads.Hold(tree, *store_->NewLease("test"), std::make_shared<const tree::Tree>());
  ASSERT_EQ(offered.size(), 1U);
  EXPECT_EQ(offered[0].encoded, tree);
  EXPECT_EQ(offered[0].lease, *uploads.Pin(tree));
}

TEST_F(UploadsTest, ARunKeepsItForLonger) {
  content::Lease lease = *store_->NewLease("test");
  const Digest tree = Store(&lease);
  uploads_.Hold(tree, std::move(lease));
  auto pin = *uploads_.Pin(tree);
  clock_.now += std::chrono::hours(2);
  uploads_.Sweep();
  Collect();
  EXPECT_TRUE(store_->Has(tree));
  EXPECT_TRUE(store_->Has(Digest::Of("aaaa")));
  pin.reset();
  Collect();
  EXPECT_FALSE(store_->Has(Digest::Of("aaaa")));
}

TEST_F(UploadsTest, WhatIsInTheStoreCanBePinnedAfterARestart) {
  content::Lease lease = *store_->NewLease("test");
  const Digest tree = Store(&lease);
  const auto pin = uploads_.Pin(tree);
  ASSERT_TRUE(pin.ok());
  lease = content::Lease();
  Collect();
  EXPECT_TRUE(store_->Has(tree));
  EXPECT_TRUE(store_->Has(Digest::Of("aaaa")));
}

TEST_F(UploadsTest, AnIncompleteOrForeignContentIsNotFound) {
  content::Lease lease = *store_->NewLease("test");
  tree::Entry entry;
  entry.path = "a";
  entry.size = 4;
  entry.digest = Digest::Of("gone");
  const Digest tree = *store_->Put(tree::Encode(tree::Tree({entry})), &lease);
  EXPECT_EQ(uploads_.Pin(tree).code(), Code::kNotFound);
  EXPECT_EQ(uploads_.Pin(*store_->Put("no tree", &lease)).code(), Code::kNotFound);
  EXPECT_EQ(uploads_.Pin(Digest::Of("nothing")).code(), Code::kNotFound);
}

}  // namespace
}  // namespace slipway::sources
