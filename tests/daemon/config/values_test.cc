#include "daemon/config/values.h"

#include <gtest/gtest.h>

namespace slipway::config {
namespace {

using std::chrono::seconds;

TEST(Values, BytesHaveDecimalAndBinaryUnits) {
  EXPECT_EQ(*ReadBytes("0"), 0U);
  EXPECT_EQ(*ReadBytes("1048576"), 1048576U);
  EXPECT_EQ(*ReadBytes("20GB"), 20'000'000'000U);
  EXPECT_EQ(*ReadBytes("512 MiB"), 512U << 20);
  EXPECT_EQ(*ReadBytes("1.5k"), 1500U);
  for (const char* bad : {"", "x", "-1", "1 parsec", "1e30", "nan", "10 TBs"}) {
    EXPECT_EQ(ReadBytes(bad).code(), Code::kInvalidArgument) << bad;
  }
}

TEST(Values, DurationsMayHaveParts) {
  EXPECT_EQ(*ReadSeconds("90", seconds(1), seconds(100)), seconds(90));
  EXPECT_EQ(*ReadSeconds("1h30m", seconds(1), seconds(28800)), seconds(5400));
  EXPECT_EQ(*ReadSeconds("2d1h", seconds(1), seconds(1'000'000)), seconds(176'400));
  EXPECT_EQ(*ReadSeconds("0s", seconds(0), seconds(1)), seconds(0));
  for (const char* bad : {"", "1d", "0", "101", "m", "-3", "9999999999999"}) {
    EXPECT_EQ(ReadSeconds(bad, seconds(1), seconds(100)).code(), Code::kInvalidArgument) << bad;
  }
}

TEST(Values, BoolsAreWords) {
  EXPECT_TRUE(*ReadBool("Yes"));
  EXPECT_FALSE(*ReadBool("off"));
  EXPECT_FALSE(ReadBool("1").ok());
}

}  // namespace
}  // namespace slipway::config
