#include "executor/base/disk_usage.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executor/base/fs.h"

namespace slipway::fs {
namespace {

class DiskUsageTest : public ::testing::Test {
 protected:
  std::string Path(std::string_view below) const { return Join(dir_.path(), below); }
  TempDir dir_ = *TempDir::Make();
};

TEST_F(DiskUsageTest, CountsWhatFilesBelowTakeAndFollowsNoLink) {
  const uint64_t empty = DiskUsage(dir_.path()).value();
  ASSERT_TRUE(MakeDirs(Path("a/b")).ok());
  ASSERT_TRUE(WriteFileAtomic(Path("a/b/file"), std::string(1U << 20, 'x')).ok());
  const uint64_t filled = DiskUsage(dir_.path()).value();
  EXPECT_GE(filled, empty + (1U << 20));
  EXPECT_LT(filled, empty + (1U << 20) + (64U << 10));
  ASSERT_TRUE(MakeDirs(Path("links")).ok());
  ASSERT_EQ(::symlink(Path("a").c_str(), Path("links/a").c_str()), 0);
  EXPECT_LT(DiskUsage(Path("links")).value(), 64U << 10);
}

TEST_F(DiskUsageTest, AFolderNestedTooDeepIsNoError) {
  std::string deep = dir_.path();
  ASSERT_TRUE(WriteFileAtomic(Path("file"), std::string(1U << 20, 'x')).ok());
  for (int i = 0; i < 200; ++i) deep += "/d";
  ASSERT_TRUE(MakeDirs(deep).ok());
  EXPECT_GE(DiskUsage(dir_.path()).value(), 1U << 20);
}

TEST_F(DiskUsageTest, WhatIsNotThereIsAnError) { EXPECT_EQ(DiskUsage(Path("gone")).code(), Code::kNotFound); }

}  // namespace
}  // namespace slipway::fs
