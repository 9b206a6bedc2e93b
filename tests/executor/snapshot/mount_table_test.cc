#include "executor/snapshot/mount_table.h"

#include <gtest/gtest.h>

namespace slipway::snapshot {
namespace {

TEST(MountTable, PointsAreReadAndUnescaped) {
  EXPECT_EQ(ParseMountPoints("22 1 254:0 / / rw,relatime - ext4 /dev/root rw\n"
                             "23 22 0:21 / /a\\040b\\134c\\011\\012d rw shared:1 - tmpfs tmpfs rw\n"
                             "24 22 0:22 /sub /x\\08\\ rw - tmpfs tmpfs rw"),
            (std::vector<std::string>{"/", "/a b\\c\t\nd", "/x\\08\\"}));
}

TEST(MountTable, BrokenLinesAreLeftOut) {
  EXPECT_EQ(ParseMountPoints("\n1 2 3\nnothing\n22 1 0:1 / /ok rw\n"), (std::vector<std::string>{"/ok"}));
  EXPECT_TRUE(ParseMountPoints("").empty());
}

TEST(MountTable, BelowMeansByElements) {
  EXPECT_TRUE(IsAtOrBelow("/a/b", "/a/b"));
  EXPECT_TRUE(IsAtOrBelow("/a/b/c", "/a/b"));
  EXPECT_FALSE(IsAtOrBelow("/a/bc", "/a/b"));
  EXPECT_FALSE(IsAtOrBelow("/a", "/a/b"));
  EXPECT_TRUE(IsAtOrBelow("/a", "/"));
}

}  // namespace
}  // namespace slipway::snapshot
