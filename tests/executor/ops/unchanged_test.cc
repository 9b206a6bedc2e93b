#include "executor/ops/unchanged.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "executor/base/fs.h"

namespace slipway::ops {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Layers as folders; a file of the upper one that has two names may have come from below.
class UnchangedTest : public ::testing::Test {
 protected:
  std::string At(const std::string& path) { return fs::Join(dir_.path(), path); }
  void Write(const std::string& path, const std::string& content, int64_t seconds = 5, long nanos = 0) {
    ASSERT_TRUE(fs::MakeDirs(fs::DirName(At(path))).ok());
    ASSERT_TRUE(fs::WriteFileAtomic(At(path), content).ok());
    const timespec times[2] = {{.tv_sec = seconds, .tv_nsec = nanos}, {.tv_sec = seconds, .tv_nsec = nanos}};
    ASSERT_EQ(::utimensat(AT_FDCWD, At(path).c_str(), times, 0), 0);
  }
  void Link(const std::string& from, const std::string& to) {
    ASSERT_TRUE(fs::MakeDirs(fs::DirName(At(to))).ok());
    ASSERT_EQ(::link(At(from).c_str(), At(to).c_str()), 0);
  }
  // What is found unchanged and stays for its other names.
  std::vector<std::string> Drop(const std::vector<std::string>& lowers) {
    std::vector<std::string> paths;
    for (const std::string& lower : lowers) paths.push_back(At(lower));
    auto linked = DropUnchanged(Context::Background(), At("upper"), paths);
    EXPECT_TRUE(linked.ok()) << linked.status().message();
    return std::move(linked).ValueOr({});
  }
  std::vector<std::string> Names(const std::string& folder) { return *fs::ListDir(At(folder)); }

  fs::TempDir dir_ = *fs::TempDir::Make();
};

TEST_F(UnchangedTest, TheFileThatGotAnotherNameStaysForItAndIsNoChange) {
  Write("lower/d/file", "x");
  Write("upper/d/file", "x");
  Link("upper/d/file", "upper/d/name");
  EXPECT_THAT(Drop({"lower"}), ElementsAre("d/file"));
  EXPECT_THAT(Names("upper/d"), ElementsAre("file", "name"));
}

TEST_F(UnchangedTest, AFileWithOneNameThatCameUpGoes) {
  Write("lower/f", "x");
  Write("upper/f", "x");
  if (::setxattr(At("upper/f").c_str(), "trusted.overlay.origin", "", 0, 0) != 0) {
    GTEST_SKIP() << "needs to set trusted attributes, as root on a file system that has them";
  }
  EXPECT_THAT(Drop({"lower"}), IsEmpty());
  EXPECT_THAT(Names("upper"), IsEmpty());
}

TEST_F(UnchangedTest, AnyChangeIsOne) {
  for (const char* name : {"content", "mode", "time", "size", "new"}) {
    Write(std::string("upper/") + name, "x");
    Link(std::string("upper/") + name, std::string("upper/") + name + "2");
    if (name != std::string("new")) Write(std::string("lower/") + name, "x");
  }
  Write("lower/content", "y");
  Write("lower/size", "xx");
  Write("lower/time", "x", 6);
  ASSERT_EQ(::chmod(At("lower/mode").c_str(), 0600), 0);
  EXPECT_THAT(Drop({"lower"}), IsEmpty());
  EXPECT_EQ(Names("upper").size(), 10U);
}

TEST_F(UnchangedTest, WithinASecondTheTimeTellsWithoutTheContent) {
  Write("lower/f", "x", 5, 7);
  Write("upper/f", "x", 5, 7);
  Link("upper/f", "upper/g");
  EXPECT_THAT(Drop({"lower"}), ElementsAre("f"));
}

TEST_F(UnchangedTest, TheTopmostLayerThatHasItCounts) {
  Write("bottom/f", "x");
  Write("top/f", "y");
  Write("upper/f", "x");
  Link("upper/f", "upper/g");
  EXPECT_THAT(Drop({"top", "bottom"}), IsEmpty());
  EXPECT_THAT(Drop({"bottom", "top"}), ElementsAre("f"));
}

TEST_F(UnchangedTest, WhatIsInTheWayHidesWhatIsBelow) {
  Write("bottom/d/f", "x");
  Write("top/d", "a file");
  Write("upper/d/f", "x");
  Link("upper/d/f", "upper/d/g");
  EXPECT_THAT(Drop({"top", "bottom"}), IsEmpty());
  ASSERT_EQ(::unlink(At("top/d").c_str()), 0);
  ASSERT_EQ(::symlink("elsewhere", At("top/d").c_str()), 0);
  EXPECT_THAT(Drop({"top", "bottom"}), IsEmpty());
}

TEST_F(UnchangedTest, WithoutLayersBelowEverythingIsNew) {
  Write("upper/f", "x");
  Link("upper/f", "upper/g");
  EXPECT_THAT(Drop({}), IsEmpty());
  Write("lower/unrelated", "x");
  EXPECT_THAT(Drop({"lower"}), IsEmpty());
  EXPECT_THAT(Names("upper"), ElementsAre("f", "g"));
}

}  // namespace
}  // namespace slipway::ops
