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

  Status Collect(uint64_t budget) {
    options_.keep_storage_bytes = budget;
    return Storage(options_, *content_, *layers_, *cache_, *mounts_, *sources_).Collect(ctx_);
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

TEST_F(StorageTest, BlobsMakeRoomForAMountThatIsInUse) {
  const Digest blob = PutBlob(10'000'000);
  const ops::CacheMounts::Use use = UseMount(30'000'000);
  ASSERT_TRUE(Collect(20'000'000).ok()) << "more cannot go, and that is no error";
  EXPECT_FALSE(content_->Has(blob));
  EXPECT_TRUE(fs::Exists(use.path()));
}

}  // namespace
}  // namespace slipway::builder
