#include "executor/ops/unchanged.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
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
  std::vector<std::string> Drop(const std::vector<std::string>& lowers, const std::string& look_at = "upper") {
    std::vector<std::string> paths;
    for (const std::string& lower : lowers) paths.push_back(At(lower));
    const Status status = DropUnchanged(Context::Background(), At("upper"), paths);
    EXPECT_TRUE(status.ok()) << status.message();
    return *fs::ListDir(At(look_at));
  }

  fs::TempDir dir_ = *fs::TempDir::Make();
};

TEST_F(UnchangedTest, TheFileThatGotAnotherNameIsNoChange) {
  Write("lower/d/file", "x");
  Write("upper/d/file", "x");
  Link("upper/d/file", "upper/d/name");
  EXPECT_THAT(Drop({"lower"}, "upper/d"), ElementsAre("name"));
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
  EXPECT_EQ(Drop({"lower"}).size(), 10U);
}

TEST_F(UnchangedTest, WithinASecondTheTimeTellsWithoutTheContent) {
  Write("lower/f", "x", 5, 7);
  Write("upper/f", "x", 5, 7);
  Link("upper/f", "upper/g");
  EXPECT_THAT(Drop({"lower"}), ElementsAre("g"));
}

TEST_F(UnchangedTest, TheTopmostLayerThatHasItCounts) {
  Write("bottom/f", "x");
  Write("top/f", "y");
  Write("upper/f", "x");
  Link("upper/f", "upper/g");
  EXPECT_THAT(Drop({"top", "bottom"}), ElementsAre("f", "g"));
  EXPECT_THAT(Drop({"bottom", "top"}), ElementsAre("g"));
}

TEST_F(UnchangedTest, WhatIsInTheWayHidesWhatIsBelow) {
  Write("bottom/d/f", "x");
  Write("top/d", "a file");
  Write("upper/d/f", "x");
  Link("upper/d/f", "upper/d/g");
  EXPECT_THAT(Drop({"top", "bottom"}, "upper/d"), ElementsAre("f", "g"));
  ASSERT_EQ(::unlink(At("top/d").c_str()), 0);
  ASSERT_EQ(::symlink("elsewhere", At("top/d").c_str()), 0);
  EXPECT_THAT(Drop({"top", "bottom"}, "upper/d"), ElementsAre("f", "g"));
}

TEST_F(UnchangedTest, WithoutLayersBelowEverythingIsNew) {
  Write("upper/f", "x");
  Link("upper/f", "upper/g");
  EXPECT_THAT(Drop({}), ElementsAre("f", "g"));
  Write("lower/unrelated", "x");
  EXPECT_THAT(Drop({"lower"}), ElementsAre("f", "g"));
}

}  // namespace
}  // namespace slipway::ops
