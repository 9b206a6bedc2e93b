#include "cli/output_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/cli/folder.h"

namespace slipway::cli {
namespace {

namespace v1 = ::slipway::v1;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Existing = OutputFolder::Existing;

v1::OutputEntry Entry(v1::EntryType type, const std::string& path, uint32_t mode = 0644, const std::string& link = "") {
  v1::OutputEntry entry;
  entry.set_type(type);
  entry.set_path(path);
  entry.set_mode(mode);
  entry.set_link_target(link);
  entry.set_uid(::geteuid());
  entry.set_gid(::getegid());
  entry.mutable_mtime()->set_seconds(1'700'000'000);
  return entry;
}

v1::OutputEntry Dir(const std::string& path, uint32_t mode = 0755) {
  return Entry(v1::ENTRY_TYPE_DIRECTORY, path, mode);
}

Status AddFile(OutputFolder& out, const std::string& path, const std::string& content, uint32_t mode = 0644) {
  v1::OutputEntry entry = Entry(v1::ENTRY_TYPE_FILE, path, mode);
  entry.set_size(content.size());
  SLIPWAY_RETURN_IF_ERROR(out.Add(entry));
  return content.empty() ? Status() : out.Write(content);
}

struct stat Stat(const std::string& path) {
  struct stat st {};
  EXPECT_EQ(::lstat(path.c_str(), &st), 0) << path;
  return st;
}

class OutputFolderTest : public ::testing::Test {
 protected:
  OutputFolder Make(const std::string& name, Existing existing = Existing::kMerge) {
    auto out = OutputFolder::Make(parent_.At(name), existing);
    EXPECT_TRUE(out.ok()) << out.status().message();
    return *std::move(out);
  }
  std::string Read(const std::string& name) { return *fs::ReadFile(parent_.At(name)); }
  // Nothing may be left beside the output, or in it.
  std::vector<std::string> Names(const std::string& name = "") { return *fs::ListDir(parent_.At(name)); }

  Folder parent_;
};

TEST_F(OutputFolderTest, IsThereAsAWholeOrNotAtAll) {
  {
    OutputFolder out = Make("out");
    ASSERT_TRUE(AddFile(out, "a", "one").ok());
    EXPECT_FALSE(fs::Exists(parent_.At("out")));
  }
  EXPECT_THAT(Names(), IsEmpty());
  OutputFolder out = Make("out");
  ASSERT_TRUE(out.Add(Dir("d", 0500)).ok());
  ASSERT_TRUE(AddFile(out, "d/a", "one", 0640).ok());
  ASSERT_TRUE(out.Add(Entry(v1::ENTRY_TYPE_SYMLINK, "d/link", 0777, "/etc/passwd")).ok());
  ASSERT_TRUE(out.Add(Entry(v1::ENTRY_TYPE_HARDLINK, "b", 0644, "d/a")).ok());
  ASSERT_TRUE(out.Add(Entry(v1::ENTRY_TYPE_FIFO, "fifo", 0600)).ok());
  const Status status = out.Commit();
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_THAT(Names(), ElementsAre("out"));
  EXPECT_EQ(Read("out/d/a"), "one");
  EXPECT_EQ(Stat(parent_.At("out/d")).st_mode & 07777, 0500U);
  EXPECT_EQ(Stat(parent_.At("out/d")).st_mtim.tv_sec, 1'700'000'000);
  EXPECT_EQ(Stat(parent_.At("out/d/a")).st_mode & 07777, 0640U);
  EXPECT_EQ(Stat(parent_.At("out/d/a")).st_ino, Stat(parent_.At("out/b")).st_ino);
  EXPECT_TRUE(S_ISLNK(Stat(parent_.At("out/d/link")).st_mode));
  EXPECT_TRUE(S_ISFIFO(Stat(parent_.At("out/fifo")).st_mode));
  EXPECT_EQ(out.files(), 1U);
  EXPECT_EQ(out.bytes(), 3U);
}

TEST_F(OutputFolderTest, WhatLeadsOutIsRefused) {
  parent_.Write("victim", "safe");
  OutputFolder out = Make("out");
  for (const char* path : {"../victim", "/victim", "a/../../victim", "./x", "a//b", "a/", ".."}) {
    EXPECT_THAT(AddFile(out, path, "bad").message(), HasSubstr("unsafe path")) << path;
  }
  ASSERT_TRUE(out.Add(Entry(v1::ENTRY_TYPE_SYMLINK, "up", 0777, "..")).ok());
  EXPECT_FALSE(AddFile(out, "up/victim", "bad").ok());
  EXPECT_FALSE(out.Add(Entry(v1::ENTRY_TYPE_HARDLINK, "stolen", 0644, "../victim")).ok());
  EXPECT_FALSE(out.Add(Entry(v1::ENTRY_TYPE_HARDLINK, "stolen", 0644, "up/victim")).ok());
  EXPECT_EQ(Read("victim"), "safe");
}

TEST_F(OutputFolderTest, FilesHaveTheBytesThatWereAnnounced) {
  v1::OutputEntry entry = Entry(v1::ENTRY_TYPE_FILE, "a");
  entry.set_size(4);
  OutputFolder more = Make("out");
  ASSERT_TRUE(more.Add(entry).ok());
  EXPECT_THAT(more.Write("12345").message(), HasSubstr("more than the 4 bytes of 'a'"));
  OutputFolder less = Make("out");
  ASSERT_TRUE(less.Add(entry).ok());
  ASSERT_TRUE(less.Write("123").ok());
  EXPECT_THAT(less.Commit().message(), HasSubstr("3 of the 4 bytes of 'a'"));
  OutputFolder none = Make("out");
  EXPECT_THAT(none.Write("x").message(), HasSubstr("belong to no file"));
}

TEST_F(OutputFolderTest, AFolderWithSomethingInItIsMergedInto) {
  parent_.Write("out/kept", "kept");
  parent_.Write("out/d/old", "old");
  parent_.Write("out/d/changed", "before");
  parent_.MakeDir("elsewhere");
  parent_.Symlink("../elsewhere", "out/link");
  OutputFolder out = Make("out");
  ASSERT_TRUE(out.Add(Dir("d")).ok());
  ASSERT_TRUE(AddFile(out, "d/changed", "after").ok());
  ASSERT_TRUE(out.Add(Dir("link")).ok());
  ASSERT_TRUE(AddFile(out, "link/x", "new").ok());
  EXPECT_EQ(Read("out/d/changed"), "before");
  const Status status = out.Commit();
  ASSERT_TRUE(status.ok()) << status.message();
  { const OutputFolder gone = std::move(out); }
  EXPECT_EQ(Read("out/kept") + Read("out/d/old") + Read("out/d/changed"), "keptoldafter");
  // The link was replaced, not followed.
  EXPECT_EQ(Read("out/link/x"), "new");
  EXPECT_THAT(Names("elsewhere"), IsEmpty());
  EXPECT_THAT(Names("out"), ElementsAre("d", "kept", "link"));
}

TEST_F(OutputFolderTest, ALayoutIsReplacedAndNothingElseIs) {
  parent_.Write("layout/oci-layout", "{}");
  parent_.Write("layout/blobs/old", "old");
  OutputFolder out = Make("layout", Existing::kReplaceLayout);
  ASSERT_TRUE(AddFile(out, "oci-layout", "new").ok());
  const Status status = out.Commit();
  ASSERT_TRUE(status.ok()) << status.message();
  { const OutputFolder gone = std::move(out); }
  EXPECT_THAT(Names("layout"), ElementsAre("oci-layout"));
  EXPECT_EQ(Read("layout/oci-layout"), "new");
  parent_.Write("home/precious", "x");
  EXPECT_THAT(OutputFolder::Make(parent_.At("home"), Existing::kReplaceLayout).status().message(),
              HasSubstr("no OCI image layout"));
  EXPECT_THAT(Names(), ElementsAre("home", "layout"));
}

TEST_F(OutputFolderTest, WithoutRootOwnersAndSetIdBitsStayBehind) {
  ASSERT_EQ(::chmod(parent_.path().c_str(), 0777), 0);
  const WithoutPrivileges as_nobody;
  OutputFolder out = Make("out");
  v1::OutputEntry entry = Entry(v1::ENTRY_TYPE_FILE, "su", 04755);
  entry.set_uid(0);
  ASSERT_TRUE(out.Add(entry).ok());
  v1::OutputEntry device = Entry(v1::ENTRY_TYPE_CHAR_DEVICE, "null", 0666);
  device.set_device_major(1);
  device.set_device_minor(3);
  ASSERT_TRUE(out.Add(device).ok());
  const Status status = out.Commit();
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(Stat(parent_.At("out/su")).st_mode & 07777, 0755U);
  EXPECT_FALSE(fs::Exists(parent_.At("out/null")));
  EXPECT_EQ(out.left_out(), 1U);
}

}  // namespace
}  // namespace slipway::cli
