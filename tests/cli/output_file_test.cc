#include "cli/output_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>

#include "tests/cli/folder.h"

namespace slipway::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class OutputFileTest : public ::testing::Test {
 protected:
  struct stat Stat(const std::string& name) {
    struct stat st {};
    EXPECT_EQ(::lstat(folder_.At(name).c_str(), &st), 0) << name;
    return st;
  }
  std::string Read(const std::string& name) { return *fs::ReadFile(folder_.At(name)); }
  std::vector<std::string> Names(const std::string& name = "") { return *fs::ListDir(folder_.At(name)); }
  Status WriteAll(const std::string& name, std::string_view content) {
    SLIPWAY_ASSIGN_OR_RETURN(OutputFile file, OutputFile::Make(folder_.At(name)));
    SLIPWAY_RETURN_IF_ERROR(file.Write(content));
    return file.Commit();
  }

  Folder folder_;
};

TEST_F(OutputFileTest, AppearsWhenItIsWhole) {
  folder_.Write("a.tar", "before", 0600);
  {
    auto file = OutputFile::Make(folder_.At("a.tar"));
    ASSERT_TRUE(file.ok()) << file.status().message();
    ASSERT_TRUE(file->Write("half").ok());
  }
  EXPECT_EQ(Read("a.tar"), "before");
  EXPECT_THAT(Names(), ElementsAre("a.tar"));
  ASSERT_TRUE(WriteAll("a.tar", "all").ok());
  EXPECT_EQ(Read("a.tar"), "all");
  EXPECT_EQ(Stat("a.tar").st_mode & 07777, 0600U);
  EXPECT_THAT(OutputFile::Make(folder_.path()).status().message(), HasSubstr("is a folder"));
  EXPECT_FALSE(OutputFile::Make(folder_.At("no/such/a.tar")).ok());
}

TEST_F(OutputFileTest, LinksStayAndTheFileBehindThemIsWritten) {
  folder_.Write("disk/a.tar", "before", 0640);
  folder_.Symlink("disk/a.tar", "inner");
  folder_.Symlink("inner", "outer");
  ASSERT_TRUE(OutputFile::Check(folder_.At("outer")).ok());
  ASSERT_TRUE(WriteAll("outer", "all").ok());
  EXPECT_TRUE(S_ISLNK(Stat("outer").st_mode));
  EXPECT_TRUE(S_ISLNK(Stat("inner").st_mode));
  EXPECT_EQ(Read("disk/a.tar"), "all");
  EXPECT_EQ(Stat("disk/a.tar").st_mode & 07777, 0640U);
  EXPECT_THAT(Names("disk"), ElementsAre("a.tar"));
}

TEST_F(OutputFileTest, LinkThatLeadsNowhereYetIsFollowed) {
  folder_.MakeDir("disk");
  folder_.Symlink("disk/new.tar", "link");
  ASSERT_TRUE(WriteAll("link", "all").ok());
  EXPECT_TRUE(S_ISLNK(Stat("link").st_mode));
  EXPECT_EQ(Read("disk/new.tar"), "all");
}

TEST_F(OutputFileTest, LinksInACircleAreRefused) {
  folder_.Symlink("b", "a");
  folder_.Symlink("a", "b");
  EXPECT_FALSE(OutputFile::Check(folder_.At("a")).ok());
  EXPECT_THAT(Names(), ElementsAre("a", "b"));
}

TEST_F(OutputFileTest, PipeIsOpenedOnlyWhenThereIsSomethingToWrite) {
  ASSERT_EQ(::mkfifo(folder_.At("pipe").c_str(), 0600), 0);
  const auto reader = fs::Open(folder_.At("pipe"), O_RDONLY | O_NONBLOCK);
  ASSERT_TRUE(reader.ok()) << reader.status().message();
  ASSERT_TRUE(OutputFile::Check(folder_.At("pipe")).ok());
  pollfd seen{.fd = reader->get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&seen, 1, 0), 0) << "a writer has come and gone";
  ASSERT_TRUE(WriteAll("pipe", "all").ok());
  char buffer[8];
  EXPECT_EQ(::read(reader->get(), buffer, sizeof(buffer)), 3);
  EXPECT_TRUE(S_ISFIFO(Stat("pipe").st_mode));
}

TEST_F(OutputFileTest, StandardOutputByAnotherNameIsWrittenAsItIs) {
  const UniqueFd before(::dup(STDOUT_FILENO));
  folder_.Write("redirected", "");
  const auto redirected = fs::Open(folder_.At("redirected"), O_WRONLY | O_APPEND);
  ASSERT_TRUE(redirected.ok());
  const ino_t inode = Stat("redirected").st_ino;
  folder_.Symlink("/proc/self/fd/1", "link");
  ASSERT_EQ(::dup2(redirected->get(), STDOUT_FILENO), STDOUT_FILENO);
  const Status status = WriteAll("link", "all");
  ASSERT_EQ(::dup2(before.get(), STDOUT_FILENO), STDOUT_FILENO);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(Read("redirected"), "all");
  EXPECT_EQ(Stat("redirected").st_ino, inode);
  EXPECT_TRUE(S_ISLNK(Stat("link").st_mode));
}

}  // namespace
}  // namespace slipway::cli
