#include "executor/runtime/mount_stubs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executor/base/fs.h"

namespace slipway::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class MountStubsTest : public ::testing::Test {
 protected:
  MountStubsTest() : dir_(fs::TempDir::Make().value()) {}

  std::string At(const std::string& path) const { return fs::Join(dir_.path(), path); }
  bool Exists(const std::string& path) const { return fs::Exists(At(path)); }
  void MakeDir(const std::string& path) const { ASSERT_TRUE(fs::MakeDirs(At(path)).ok()); }
  void Write(const std::string& path, std::string_view text) const {
    ASSERT_TRUE(fs::WriteFileAtomic(At(path), text).ok());
  }
  void Link(const std::string& target, const std::string& path) const {
    ASSERT_EQ(::symlink(target.c_str(), At(path).c_str()), 0);
  }
  void SetTime(const std::string& path, time_t seconds) const {
    const timespec times[2] = {{seconds, 5}, {seconds, 7}};
    ASSERT_EQ(::utimensat(AT_FDCWD, At(path).c_str(), times, 0), 0);
  }
  timespec Time(const std::string& path) const {
    struct stat st {};
    EXPECT_EQ(::stat(At(path).c_str(), &st), 0);
    return st.st_mtim;
  }
  MountStubs Make(const std::vector<MountStubs::Wanted>& wanted) const {
    auto stubs = MountStubs::Make(dir_.path(), wanted);
    EXPECT_TRUE(stubs.ok()) << stubs.status().ToString();
    return std::move(stubs).value();
  }

  fs::TempDir dir_;
};

TEST_F(MountStubsTest, MissingParentsAreMadeAndRemoved) {
  {
    const MountStubs stubs = Make({{.path = "/etc/resolv.conf"}, {.path = "/new/deep", .is_dir = true}});
    EXPECT_THAT(stubs.made(), ElementsAre("etc", "etc/resolv.conf", "new", "new/deep"));
    EXPECT_TRUE(Exists("new/deep"));
  }
  EXPECT_THAT(fs::ListDir(dir_.path()).value(), IsEmpty());
}

TEST_F(MountStubsTest, WhatWasThereStays) {
  MakeDir("etc");
  Write("etc/hosts", "");
  { EXPECT_THAT(Make({{.path = "/etc/hosts"}, {.path = "/etc", .is_dir = true}}).made(), IsEmpty()); }
  EXPECT_TRUE(Exists("etc/hosts"));
}

TEST_F(MountStubsTest, FilledStubStays) {
  {
    const MountStubs stubs = Make({{.path = "/f"}, {.path = "/d", .is_dir = true}, {.path = "/e", .is_dir = true}});
    Write("f", "x");
    Write("d/x", "");
  }
  EXPECT_TRUE(Exists("f"));
  EXPECT_TRUE(Exists("d/x"));
  EXPECT_FALSE(Exists("e"));
}

TEST_F(MountStubsTest, TimesOfTheFolderArePutBack) {
  MakeDir("etc");
  SetTime("etc", 1000);
  { Make({{.path = "/etc/resolv.conf"}, {.path = "/etc/hosts"}}); }
  EXPECT_EQ(Time("etc").tv_sec, 1000);
  EXPECT_EQ(Time("etc").tv_nsec, 7);
}

TEST_F(MountStubsTest, TimesOfAChangedFolderAreKept) {
  MakeDir("etc");
  SetTime("etc", 1000);
  {
    const MountStubs stubs = Make({{.path = "/etc/hosts"}});
    SetTime("etc", 2000);
  }
  EXPECT_EQ(Time("etc").tv_sec, 2000);
}

TEST_F(MountStubsTest, DanglingLinkGetsItsTarget) {
  MakeDir("etc");
  Link("/run/resolve/stub.conf", "etc/resolv.conf");
  {
    const MountStubs stubs = Make({{.path = "/etc/resolv.conf"}});
    EXPECT_TRUE(Exists("run/resolve/stub.conf"));
  }
  EXPECT_FALSE(Exists("run"));
  struct stat st {};
  EXPECT_EQ(::lstat(At("etc/resolv.conf").c_str(), &st), 0);
}

TEST_F(MountStubsTest, LinksDoNotLeadOutOfTheRoot) {
  const auto outside = fs::TempDir::Make().value();
  Link(outside.path(), "abs");
  Link("../../../../../../../../tmp", "up");
  { Make({{.path = "/abs/made", .is_dir = true}, {.path = "/up/made-here", .is_dir = true}}); }
  EXPECT_THAT(fs::ListDir(outside.path()).value(), IsEmpty());
  EXPECT_FALSE(fs::Exists("/tmp/made-here"));
}

TEST_F(MountStubsTest, LoopOfLinksIsAnError) {
  Link("b", "a");
  Link("a", "b");
  EXPECT_EQ(MountStubs::Make(dir_.path(), {{.path = "/a/x"}}).code(), Code::kInvalidArgument);
}

TEST_F(MountStubsTest, FileOnTheWayIsLeftToTheRuntime) {
  Write("etc", "no folder");
  { EXPECT_THAT(Make({{.path = "/etc/hosts"}}).made(), IsEmpty()); }
  EXPECT_TRUE(Exists("etc"));
}

}  // namespace
}  // namespace slipway::runtime
