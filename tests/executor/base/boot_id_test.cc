#include "executor/base/boot_id.h"

#include <gtest/gtest.h>

namespace slipway {
namespace {

TEST(BootId, IsTheSameAllTheTime) {
  EXPECT_EQ(BootId(), BootId());
  EXPECT_FALSE(BootId().ends_with('\n'));
}

}  // namespace
}  // namespace slipway
