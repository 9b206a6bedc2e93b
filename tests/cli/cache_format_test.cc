#include "cli/cache_format.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace slipway::cli {
namespace {

using ::testing::HasSubstr;

v1::GetRunCacheResponse Example() {
  v1::GetRunCacheResponse cache;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(R"(
    steps { vertex: "v1" name: "[2/3] COPY . ." outcome: CACHE_OUTCOME_MISS cause: CACHE_MISS_CAUSE_STEP_BELOW
            subject: "[1/3] RUN a" change: "value" text: "line 1\nline 2" compared_with { seconds: 1556857003 } }
    steps { vertex: "v2" name: "[3/3] RUN b" outcome: CACHE_OUTCOME_IMPORTED source: "reg/c:1" text: "imported" })",
                                                            &cache));
  return cache;
}

TEST(CacheFormat, TableHasARowAStep) {
  const std::string table = CacheTable(Example());
  EXPECT_THAT(table, HasSubstr("[2/3] COPY . .  miss"));
  EXPECT_THAT(table, HasSubstr("line 1 line 2"));
  EXPECT_THAT(table, HasSubstr("[3/3] RUN b     imported  imported"));
}

TEST(CacheFormat, JsonHasShortNames) {
  const auto json = nlohmann::json::parse(CacheJson(Example()));
  EXPECT_EQ(json[0]["cache"], "miss");
  EXPECT_EQ(json[0]["cause"], "step-below");
  EXPECT_EQ(json[0]["comparedWith"], "2019-05-03T04:16:43Z");
  EXPECT_EQ(json[1]["cache"], "imported");
  EXPECT_EQ(json[1]["source"], "reg/c:1");
  EXPECT_FALSE(json[1].contains("cause"));
}

}  // namespace
}  // namespace slipway::cli
