#include "executor/base/near_miss.h"

#include <gtest/gtest.h>

#include <array>

namespace slipway {
namespace {

constexpr std::array<std::string_view, 5> kWords = {"build", "push", "cmd", "timeout", "workingDirectory"};

TEST(NearMiss, FindsTheNearestWord) {
  EXPECT_EQ(NearMiss("biuld", kWords), "build");
  EXPECT_EQ(NearMiss("pusch", kWords), "push");
  EXPECT_EQ(NearMiss("workingdirectroy", kWords), "workingDirectory");
  EXPECT_EQ(NearMiss("TIMEOUT", kWords), "timeout");
}

TEST(NearMiss, DoesNotGuessWildly) {
  EXPECT_EQ(NearMiss("xyz", kWords), "");
  EXPECT_EQ(NearMiss("", kWords), "");
  EXPECT_EQ(NearMiss("build", {}), "");
  EXPECT_EQ(NearMiss(std::string(1 << 20, 'b'), kWords), "") << "an absurd word costs nothing";
}

TEST(NearMiss, AsksInAMessage) {
  EXPECT_EQ(DidYouMean("bild", kWords), "; did you mean 'build'?");
  EXPECT_EQ(DidYouMean("xyz", kWords), "");
  EXPECT_EQ(DidYouMean("build", std::array<std::string_view, 1>{"build"}), "") << "that is what was written";
}

}  // namespace
}  // namespace slipway
