#include "executor/builder/storage.h"

#include <gtest/gtest.h>

#include "executor/base/fs.h"
#include "executor/base/thread_pool.h"
#include "executor/http/curl_transport.h"

namespace slipway::builder {
namespace {

class StorageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.root = dir_.path();
    content_ = content::Store::Open(Path("content")).value();
    transport_ = http::NewCurlTransport({}).value();
    const auto fetch = [](const Context&, const layer::Remote&, const auto&, const VertexProgress&) -> Status {
      return Unavailable("nothing is fetched here");
    };
    layers_ = layer::Store::Open({.root = Path("layers"), .limits = {}}, *content_, pool_, fetch).value();
    cache_ = solver::CacheStore::Open(Path("cache.db")).value();
    mounts_ = ops::CacheMounts::Open(Path("cache-mounts")).value();
    source::FetcherOptions fetcher;
    fetcher.root = Path("sources");
    sources_ = source::ContextFetcher::Open(fetcher, *content_, *transport_).value();
  }
  std::string Path(std::string_view below) const { return fs::Join(dir_.path(), below); }

  Storage Make() { return {options_, *content_, *layers_, *cache_, *mounts_, *sources_}; }
  Status Collect(uint64_t budget) {
    options_.keep_storage_bytes = budget;
    return Make().Collect(ctx_);
  }
  // A result whose layer holds one file.
  layer::Key Record(const std::string& name) {
    tree::Entry file;
    file.path = name;
    file.size = 1'000;
    file.digest = PutBlob(file.size);
    const layer::Key key = layers_->AddRecipe(tree::Tree({file})).value();
    const Digest digest = Digest::Of(name);
    EXPECT_TRUE(cache_->Put(digest, {.key = digest, .chain = {key}, .name = name}).ok());
    return key;
  }
  Digest PutBlob(size_t size) {
    content::Lease lease = content_->NewLease("test").value();
    return content_->Put(std::string(size, 'b'), &lease).value();
  }
  ops::CacheMounts::Use UseMount(size_t size) {
    return mounts_
        ->Acquire(ctx_, "npm", graph::CacheSharing::kShared,
                  [size](const std::string& folder) {
                    return fs::WriteFileAtomic(fs::Join(folder, "file"), std::string(size, 'm'));
                  })
        .value();
  }

  fs::TempDir dir_ = fs::TempDir::Make().value();
  const Context ctx_ = Context::Background().Child();
  ThreadPool pool_{1, "test"};
  Options options_;
  std::unique_ptr<content::Store> content_;
  std::unique_ptr<http::Transport> transport_;
  std::unique_ptr<layer::Store> layers_;
  std::unique_ptr<solver::CacheStore> cache_;
  std::unique_ptr<ops::CacheMounts> mounts_;
  std::unique_ptr<source::ContextFetcher> sources_;
};

TEST_F(StorageTest, WhatFitsTheBudgetStays) {
  const Digest blob = PutBlob(1'000'000);
  const std::string mount = UseMount(1'000'000).path();
  ASSERT_TRUE(Collect(1'000'000'000).ok());
  EXPECT_TRUE(content_->Has(blob));
  EXPECT_TRUE(fs::Exists(mount));
}

TEST_F(StorageTest, CacheMountsCountAndGo) {
  const std::string mount = UseMount(30'000'000).path();
  ASSERT_TRUE(Collect(20'000'000).ok());
  EXPECT_FALSE(fs::Exists(mount));
}

TEST_F(StorageTest, WhereBlobsThatNobodyNeedsAreEnoughNothingElseGoes) {
  const Digest blob = PutBlob(30'000'000);
  const layer::Key kept = Record("kept");
  const std::string mount = UseMount(1'000'000).path();
  ASSERT_TRUE(Collect(20'000'000).ok());
  EXPECT_FALSE(content_->Has(blob));
  EXPECT_TRUE(fs::Exists(mount));
  EXPECT_TRUE(layers_->Usable({kept}));
  EXPECT_EQ(cache_->Count().value(), 1);
}

TEST_F(StorageTest, BlobsMakeRoomForAMountThatIsInUse) {
  const Digest blob = PutBlob(10'000'000);
  const ops::CacheMounts::Use use = UseMount(30'000'000);
  ASSERT_TRUE(Collect(20'000'000).ok()) << "more cannot go, and that is no error";
  EXPECT_FALSE(content_->Has(blob));
  EXPECT_TRUE(fs::Exists(use.path()));
}

TEST_F(StorageTest, PruningTakesAllThatNobodyHolds) {
  const layer::Key free = Record("free");
  const layer::Key held = Record("held");
  { const layer::Pin of_its_run = layers_->Hold({free}); }
  const layer::Pin pin = layers_->Hold({held});
  const std::string mount = UseMount(1'000'000).path();
  const Result<Pruned> pruned = Make().Prune(ctx_, 0);
  ASSERT_TRUE(pruned.ok()) << pruned.status().message();
  EXPECT_GE(pruned->freed, 1'000'000U);
  EXPECT_FALSE(fs::Exists(mount));
  EXPECT_EQ(cache_->Count().value(), 0);
  EXPECT_FALSE(layers_->Usable({free}));
  EXPECT_TRUE(layers_->Usable({held}));
}

TEST_F(StorageTest, WithinTheBudgetPruningTakesNothing) {
  const layer::Key kept = Record("kept");
  EXPECT_EQ(Make().Prune(ctx_, 1'000'000'000).value().freed, 0U);
  EXPECT_TRUE(layers_->Usable({kept}));
}

}  // namespace
}  // namespace slipway::builder
