// The format of exported caches: what is written is read, and what is malformed is refused.
#include "executor/cache/format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::cache {
namespace {

using ::testing::HasSubstr;

const std::string kA = Digest::Of("a").ToString();

std::string WhyNot(const std::string& json, size_t blobs = 1) {
  const auto parsed = Config::Parse(json, blobs);
  return parsed.ok() ? "it is taken" : parsed.status().message();
}

TEST(CacheFormat, WhatIsWrittenIsRead) {
  Config config;
  config.layers = {{Digest::Of("base"), -1}, {Digest::Of("layer"), 0}};
  config.records = {{.key = Digest::Of("k1"), .links = {Digest::Of("l")}, .has_result = true, .chain = {0, 1}},
                    {.key = Digest::Of("k2"), .links = {Digest::Of("m")}, .has_result = false, .chain = {}},
                    {.key = Digest::Of("k3"), .links = {}, .has_result = true, .chain = {}}};
  const auto read = Config::Parse(config.ToJson(), 1);
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(read->ToJson(), config.ToJson());
  EXPECT_EQ(read->layers[0].blob, -1);
  EXPECT_EQ(read->records[0].chain, (std::vector<size_t>{0, 1}));
  EXPECT_FALSE(read->records[1].has_result);
  EXPECT_TRUE(read->records[2].has_result);
}

TEST(CacheFormat, MembersOfLaterVersionsAreIgnored) {
  EXPECT_TRUE(Config::Parse(R"({"layers": [], "records": [], "more": {"x": 1}})", 0).ok());
  EXPECT_TRUE(Config::Parse("{}", 0).ok());
}

TEST(CacheFormat, MalformedDocumentsAreRefused) {
  EXPECT_THAT(WhyNot("no json"), HasSubstr("build cache"));
  EXPECT_THAT(WhyNot("[]"), HasSubstr("build cache"));
  EXPECT_THAT(WhyNot(R"({"layers": 1})"), HasSubstr("'layers' is no list"));
  EXPECT_THAT(WhyNot(R"({"layers": [1]})"), HasSubstr("a layer is no object"));
  EXPECT_THAT(WhyNot(R"({"layers": [{"diffID": "sha256:12"}]})"), HasSubstr("sha256:12"));
  EXPECT_THAT(WhyNot(R"({"layers": [{}]})"), HasSubstr("'diffID' is missing"));
  EXPECT_THAT(WhyNot(R"({"layers": [{"diffID": ")" + kA + R"(", "blob": 1}]})"), HasSubstr("no number below 1"));
  EXPECT_THAT(WhyNot(R"({"layers": [{"diffID": ")" + kA + R"(", "blob": -1}]})"), HasSubstr("no number below 1"));
  EXPECT_THAT(WhyNot(R"({"records": [{"key": ")" + kA + R"(", "layers": [0]}]})"), HasSubstr("no number below 0"));
  EXPECT_THAT(WhyNot(R"({"records": [{"key": ")" + kA + R"(", "links": [1]}]})"), HasSubstr("a link is no text"));
  EXPECT_THAT(WhyNot(R"({"records": [{"key": 7}]})"), HasSubstr("'key' is missing or no text"));
}

TEST(CacheFormat, BoundsHold) {
  std::string chain;
  for (size_t i = 0; i <= kLongestChain; ++i) chain += (i == 0 ? "0" : ",0");
  const std::string json = R"({"layers": [{"diffID": ")" + kA + R"(", "blob": 0}], "records": [{"key": ")" + kA +
                           R"(", "layers": [)" + chain + "]}]}";
  EXPECT_EQ(Config::Parse(json, 1).code(), Code::kResourceExhausted);
  EXPECT_EQ(Config::Parse(std::string(kLargestConfig + 1, ' '), 0).code(), Code::kResourceExhausted);
}

}  // namespace
}  // namespace slipway::cache
