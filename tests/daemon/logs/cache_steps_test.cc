// What the cache did, as it is kept beside a run's log.
#include "daemon/logs/cache_steps.h"

#include <gtest/gtest.h>

#include "daemon/logs/archive.h"
#include "executor/base/fs.h"

namespace slipway::logs {
namespace {

CacheStep Miss() {
  return {.vertex = "v1",
          .name = "[2/3] COPY . .",
          .outcome = CacheStep::Outcome::kMiss,
          .source = "",
          .cause = CacheStep::Cause::kFile,
          .subject = "/a\xff",
          .change = "mode",
          .before = "0644",
          .after = "0755",
          .more = 3,
          .compared_with = SystemTime(std::chrono::seconds(1556857003))};
}

TEST(CacheSteps, SurviveTheFile) {
  CacheStep miss = Miss();
  miss.subject = "/src/a";
  const std::vector<CacheStep> steps = {
      miss, {.vertex = "v2", .name = "x", .outcome = CacheStep::Outcome::kImported, .source = "reg/cache:1"}};
  const auto read = CacheStepsFromJson(CacheStepsToJson(steps));
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(*read, steps);
}

TEST(CacheSteps, NamesThatAreNotUtf8AreRepaired) {
  const auto read = CacheStepsFromJson(CacheStepsToJson({Miss()}));
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(read->at(0).subject, "/a\xef\xbf\xbd");
}

TEST(CacheSteps, DamagedFileIsSaid) {
  EXPECT_EQ(CacheStepsFromJson("[{]").code(), Code::kDataLoss);
  EXPECT_EQ(CacheStepsFromJson("[{}]").code(), Code::kDataLoss);
  EXPECT_EQ(CacheStepsFromJson("[7]").code(), Code::kDataLoss);
}

TEST(CacheSteps, ArchiveKeepsThemByRun) {
  const fs::TempDir dir = *fs::TempDir::Make();
  const auto archive = *Archive::Open(dir.path());
  EXPECT_TRUE(archive->CacheSteps("aa1")->empty());
  CacheStep miss = Miss();
  miss.subject = "/src/a";
  ASSERT_TRUE(archive->SaveCacheSteps("aa1", {miss}).ok());
  EXPECT_EQ(*archive->CacheSteps("aa1"), std::vector<CacheStep>{miss});
  EXPECT_FALSE(fs::Exists(dir.path() + "/aa1.cache.new"));
}

TEST(CacheSteps, WhatLossOfPowerLeftEmptyIsNone) {
  const fs::TempDir dir = *fs::TempDir::Make();
  const auto archive = *Archive::Open(dir.path());
  ASSERT_TRUE(fs::WriteFileAtomic(dir.path() + "/aa1.cache", "").ok());
  EXPECT_TRUE(archive->CacheSteps("aa1")->empty());
}

}  // namespace
}  // namespace slipway::logs
