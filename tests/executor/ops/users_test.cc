#include "executor/ops/users.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "executor/base/fs.h"

namespace slipway::ops {
namespace {

Result<std::string> Read(const std::string& path) {
  if (path == "etc/passwd")
    return std::string("root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\nbroken\n");
  if (path == "etc/group") return std::string("root:x:0:\nstaff:x:50:app,other\napp:x:1001:\nwheel:x:10:app\n");
  return NotFound("no '{}'", path);
}

Result<std::string> Nothing(const std::string& path) { return NotFound("no '{}'", path); }

TEST(ResolveUser, NameTakesItsGroups) {
  const auto ids = ResolveUser("app", Read);
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(ids->uid, 1000U);
  EXPECT_EQ(ids->gid, 1001U);
  EXPECT_EQ(ids->additional_gids, (std::vector<uint32_t>{1001, 50, 10}));
}

TEST(ResolveUser, GivenGroupReplacesTheOthers) {
  const auto ids = ResolveUser("app:staff", Read);
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(ids->gid, 50U);
  EXPECT_EQ(ids->additional_gids, (std::vector<uint32_t>{50}));
}

TEST(ResolveUser, NumbersNeedNoFiles) {
  const auto ids = ResolveUser("123:456", Nothing);
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(ids->uid, 123U);
  EXPECT_EQ(ids->gid, 456U);
  EXPECT_EQ(ResolveUser("", Nothing)->uid, 0U);
}

TEST(ResolveUser, UnknownNameSaysSo) {
  const auto ids = ResolveUser("nobody", Read);
  ASSERT_FALSE(ids.ok());
  EXPECT_EQ(ids.status().message(), "unable to find user 'nobody': the image's /etc/passwd does not have it");
}

TEST(ResolveOwner, NumberIsItsOwnGroup) {
  EXPECT_EQ(ResolveOwner("77", "", Nothing)->gid, 77U);
  EXPECT_EQ(ResolveOwner("app", "", Read)->gid, 1001U);
  EXPECT_EQ(ResolveOwner("app", "wheel", Read)->gid, 10U);
  EXPECT_EQ(ResolveOwner("", "5", Nothing)->uid, 0U);
}

TEST(HomeOf, IsThatOfPasswdOrTheRoot) {
  EXPECT_EQ(HomeOf(1000, Read), "/home/app");
  EXPECT_EQ(HomeOf(4, Read), "/");
  EXPECT_EQ(HomeOf(0, Nothing), "/");
}

TEST(ImageFilesIn, ReadsFilesOfTheRoot) {
  const fs::TempDir root = fs::TempDir::Make().value();
  const ReadImageFile read = ImageFilesIn(root.path());
  EXPECT_EQ(read("etc/passwd").code(), Code::kNotFound);
  ASSERT_TRUE(fs::MakeDirs(fs::Join(root.path(), "etc")).ok());
  ASSERT_TRUE(fs::WriteFileAtomic(fs::Join(root.path(), "etc/passwd"), "root:x:0:0::/:\n").ok());
  EXPECT_EQ(read("etc/passwd").value(), "root:x:0:0::/:\n");
}

// A build may make one: an open of a watchdog arms it, the close of a tape winds it back.
TEST(ImageFilesIn, APipeOrADeviceIsNotOpened) {
  const fs::TempDir root = fs::TempDir::Make().value();
  const ReadImageFile read = ImageFilesIn(root.path());
  ASSERT_EQ(::mkfifo(fs::Join(root.path(), "pipe").c_str(), 0600), 0);
  EXPECT_EQ(read("pipe").status().message(), "open 'pipe': it is a pipe, not a regular file");
  if (::mknod(fs::Join(root.path(), "passwd").c_str(), S_IFCHR | 0600, ::makedev(254, 255)) != 0)
    GTEST_SKIP() << "needs CAP_MKNOD";
  EXPECT_EQ(read("passwd").status().message(), "open 'passwd': it is a device, not a regular file");
  EXPECT_EQ(ResolveUser("7:8", read)->uid, 7U);
}

}  // namespace
}  // namespace slipway::ops
