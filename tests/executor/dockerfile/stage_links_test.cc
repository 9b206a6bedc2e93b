// Who copies from whom: which stage a name means, and circles that are found whether or not the target needs them.
#include "executor/dockerfile/stage_links.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "executor/dockerfile/parse.h"
#include "tests/executor/dockerfile/lowering.h"

namespace slipway::dockerfile {
namespace {

using ::testing::HasSubstr;

std::string CheckOf(std::string_view text) {
  const auto dockerfile = Parse(text, "Dockerfile");
  EXPECT_TRUE(dockerfile.ok()) << dockerfile.status().message();
  return dockerfile.ok() ? StageLinks(*dockerfile).Check().message() : "";
}

TEST(StageLinks, NumbersCountForCopyOnly) {
  const auto dockerfile = Parse("FROM scratch\nFROM scratch AS b\n", "Dockerfile");
  ASSERT_TRUE(dockerfile.ok());
  const StageLinks links(*dockerfile);
  EXPECT_EQ(*links.Find({"0", true}), 0U);
  EXPECT_EQ(*links.Find({"+01", true}), 1U);
  EXPECT_EQ(*links.Find({"B", false}), 1U);
  EXPECT_EQ(*links.Find({"0", false}), std::nullopt) << "an image that is called 0";
  EXPECT_EQ(*links.Find({"99999999999999999999", true}), std::nullopt) << "no number that fits, so an image";
  EXPECT_EQ(links.Find({"2", true}).code(), Code::kInvalidArgument);
  EXPECT_EQ(links.Find({"-1", true}).code(), Code::kInvalidArgument);
}

TEST(StageLinks, AllStagesAreLookedAt) {
  EXPECT_THAT(CheckOf("FROM scratch\nCOPY --from=2 /a /\nFROM scratch\n"),
              HasSubstr("Dockerfile:2:6: there is no stage 2: the file has 2, counted from 0"));
  EXPECT_THAT(CheckOf("FROM scratch AS a\nCOPY --from=a /x /\nFROM scratch\n"),
              HasSubstr("Dockerfile:2:6: a stage copies from itself: 'a' is circular"));
  EXPECT_THAT(CheckOf("FROM scratch AS a\nRUN --mount=from=b,target=/b x\nFROM scratch AS b\nCOPY --from=0 /x /\n"),
              HasSubstr("Dockerfile:4:6: stages copy from each other: '0' is circular"));
  EXPECT_EQ(CheckOf("FROM scratch AS a\nCOPY --from=b /x /\nFROM a AS b\n"), "") << "FROM makes no circle";
}

TEST(StageLinks, OfStagesWithOneNameTheLastIsMeant) {
  EXPECT_THAT(LowerText("FROM scratch AS a\nFROM scratch AS b\nCOPY --from=a /x /\nFROM scratch AS a\nFROM b\n")
                  .status()
                  .message(),
              HasSubstr("Dockerfile:3:6: stage 'a' begins in line 4"));
  EXPECT_THAT(CheckOf("FROM scratch AS a\nFROM scratch AS a\nCOPY --from=a /x /\n"), HasSubstr("circular"));
  const auto from = LowerText("FROM scratch AS a\nLABEL n=1\nFROM a AS b\nFROM scratch AS a\nLABEL n=2\nFROM b\n");
  ASSERT_TRUE(from.ok()) << from.status().message();
  EXPECT_EQ(from->config.config.labels.at("n"), "1") << "FROM knows what is above it";
}

TEST(StageLinks, LongChainsAreNoTroubles) {
  std::string text = "FROM scratch AS s0\n";
  for (int i = 1; i < 5000; ++i)
    text += "FROM scratch AS s" + std::to_string(i) + "\nCOPY --from=s" + std::to_string(i - 1) + " /x /\n";
  EXPECT_EQ(CheckOf(text), "");
}

}  // namespace
}  // namespace slipway::dockerfile
