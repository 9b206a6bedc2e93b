#include <sys/mount.h>

#include "executor/snapshot/mount_table.h"
#include "executor/snapshot/snapshotter.h"
#include "tests/executor/snapshot/folder_fixture.h"

namespace slipway::snapshot {
namespace {

class Unmount : public FolderTest {
 protected:
  void Mount(const std::string& name) {
    ASSERT_TRUE(fs::MakeDirs(Path(name)).ok());
    ASSERT_EQ(::mount("tmpfs", Path(name).c_str(), "tmpfs", 0, nullptr), 0) << name;
  }
  size_t Left(const std::string& name) {
    size_t count = 0;
    for (const std::string& point : ParseMountPoints(*fs::ReadFile("/proc/self/mountinfo")))
      count += IsAtOrBelow(point, Path(name));
    return count;
  }
};

TEST_F(Unmount, TakesAwayStackedAndNestedMountsWithOddNames) {
  Mount("a");
  Mount("a/b c\\040\n");
  Mount("a/b c\\040\n/d");
  Mount("a");  // hides all of these
  Mount("a/e");
  Mount("ab");
  EXPECT_EQ(Left("a"), 5U);
  const Status status = UnmountBelow(Path("a"));
  EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(Left("a"), 0U);
  EXPECT_EQ(Left("ab"), 1U);
  EXPECT_TRUE(UnmountBelow(Path("ab")).ok());
}

TEST_F(Unmount, NothingMountedIsFine) { EXPECT_TRUE(UnmountBelow(Path("missing")).ok()); }

TEST_F(Unmount, FollowsLinksOnTheWay) {
  Mount("real/m");
  ASSERT_EQ(::symlink(Path("real").c_str(), Path("link").c_str()), 0);
  EXPECT_TRUE(UnmountBelow(Path("link/m")).ok());
  EXPECT_EQ(Left("real"), 0U);
}

}  // namespace
}  // namespace slipway::snapshot
