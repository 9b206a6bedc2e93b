#include "executor/base/boot_id.h"

#include <gtest/gtest.h>

namespace slipway {
namespace {

TEST(BootId, IsTheSameAllTheTime) {
  EXPECT_EQ(BootId(), BootId());
  EXPECT_FALSE(BootId().ends_with('\n'));
}

TEST(BootId, AMountIsTheSameForAllThatIsOnIt) {
  const std::string here = BootAndMount("/proc/self");
  EXPECT_TRUE(here.starts_with(BootId()));
  EXPECT_EQ(here, BootAndMount("/proc/self/fd"));
  EXPECT_NE(here, BootAndMount("/sys/kernel"));
  EXPECT_EQ(BootAndMount("/no/such/folder"), "");
}

}  // namespace
}  // namespace slipway
