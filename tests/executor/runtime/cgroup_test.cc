#include "executor/runtime/cgroup.h"

#include <gtest/gtest.h>

#include "executor/runtime/cgroup_ahead.h"

namespace slipway::runtime {
namespace {

constexpr std::string_view kV1 = R"(31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
)";

TEST(CgroupLayout, HybridCountsAsV1) {
  const CgroupLayout layout = ParseCgroupLayout(kV1, "");
  EXPECT_EQ(layout.mode, CgroupMode::kV1);
  EXPECT_TRUE(layout.Has("cpu"));
  EXPECT_TRUE(layout.Has("memory"));
  EXPECT_FALSE(layout.Has("pids"));
  EXPECT_EQ(layout.mounts.at("cpuacct"), "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(layout.mounts.at("name=systemd"), "/sys/fs/cgroup/systemd");
  EXPECT_EQ(layout.mounts.at(""), "/sys/fs/cgroup/unified");
}

TEST(CgroupLayout, V2HasTheControllersItNames) {
  const CgroupLayout layout = ParseCgroupLayout("30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n",
                                                "cpuset cpu io memory pids\n");
  EXPECT_EQ(layout.mode, CgroupMode::kV2);
  EXPECT_TRUE(layout.Has("pids"));
  EXPECT_FALSE(layout.Has("io"));  // limits nothing of ours
}

TEST(CgroupLayout, NoMountIsNone) {
  EXPECT_EQ(ParseCgroupLayout("22 27 0:21 / /proc rw,relatime - proc proc rw\n", "").mode, CgroupMode::kNone);
  EXPECT_EQ(ParseCgroupLayout("garbage\n\n- - -", "").mode, CgroupMode::kNone);
}

TEST(CgroupAhead, FindsWhereWeAre) {
  const CgroupLayout v1 = ParseCgroupLayout(kV1, "");
  EXPECT_EQ(OwnMembersFile(v1, "9:name=systemd:/x\n8:cpu,cpuacct:/slipway\n0::/x\n"),
            "/sys/fs/cgroup/cpu,cpuacct/slipway/cgroup.procs");
  EXPECT_EQ(OwnMembersFile(v1, "0::/x\n"), "");
  const CgroupLayout v2 =
      ParseCgroupLayout("30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n", "memory\n");
  EXPECT_EQ(OwnMembersFile(v2, "1:cpu:/no\n0::/a:b\n"), "/sys/fs/cgroup/a:b/cgroup.procs");
  EXPECT_EQ(OwnMembersFile(v2, "garbage"), "");
  EXPECT_EQ(OwnMembersFile(CgroupLayout(), "0::/a\n"), "");
}

TEST(CgroupAhead, MayBeAskedAtAnyTime) {
  CgroupAhead here(DetectCgroups());
  here.Expect();
  CgroupAhead nowhere{CgroupLayout()};
  nowhere.Expect();
}

}  // namespace
}  // namespace slipway::runtime
