#include "executor/layer/index_cache.h"

#include <gtest/gtest.h>

#include "tests/executor/layer/layer_fixture.h"

namespace slipway::layer {
namespace {

TreePtr TreeOf(size_t entries) {
  std::vector<tree::Entry> files;
  for (size_t i = 0; i < entries; ++i) files.push_back(File(fmt::format("{:04}", i)));
  return std::make_shared<const tree::Tree>(std::move(files));
}

TEST(IndexCache, FindsWhatWasAdded) {
  IndexCache cache;
  const TreePtr tree = TreeOf(3);
  cache.Add("a", tree);
  EXPECT_EQ(cache.Find("a"), tree);
  EXPECT_EQ(cache.Find("b"), nullptr);
}

TEST(IndexCache, TheFirstOfAKeyStays) {
  IndexCache cache;
  const TreePtr first = TreeOf(3);
  cache.Add("a", first);
  cache.Add("a", TreeOf(3));
  EXPECT_EQ(cache.Find("a"), first);
}

TEST(IndexCache, WhatWasUsedLongestAgoGoesFirst) {
  IndexCache cache(10);
  cache.Add("a", TreeOf(4));
  cache.Add("b", TreeOf(4));
  EXPECT_NE(cache.Find("a"), nullptr);
  cache.Add("c", TreeOf(4));
  EXPECT_NE(cache.Find("a"), nullptr);
  EXPECT_EQ(cache.Find("b"), nullptr);
  EXPECT_NE(cache.Find("c"), nullptr);
}

TEST(IndexCache, TheLastOneStaysWhateverItsSize) {
  IndexCache cache(10);
  cache.Add("a", TreeOf(4));
  cache.Add("huge", TreeOf(100));
  EXPECT_EQ(cache.Find("a"), nullptr);
  EXPECT_NE(cache.Find("huge"), nullptr);
  cache.Add("b", TreeOf(1));
  EXPECT_EQ(cache.Find("huge"), nullptr);
  EXPECT_NE(cache.Find("b"), nullptr);
}

TEST(IndexCache, IsEmptyAfterAWhile) {
  IndexCache cache(IndexCache::kMostEntries, std::chrono::milliseconds(1));
  std::weak_ptr<const tree::Tree> held;
  {
    const TreePtr tree = TreeOf(3);
    held = tree;
    cache.Add("a", tree);
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!held.expired() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_TRUE(held.expired());
  EXPECT_EQ(cache.Find("a"), nullptr);
  const TreePtr again = TreeOf(2);
  cache.Add("a", again);
}

}  // namespace
}  // namespace slipway::layer
