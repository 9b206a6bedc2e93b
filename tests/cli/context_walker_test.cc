#include "cli/context_walker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include <cstring>

#include "tests/cli/folder.h"

namespace slipway::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ContextWalkerTest : public ::testing::Test {
 protected:
  Result<std::vector<ContextEntry>> Walk(const std::string& ignore = "") {
    auto patterns = ParseIgnoreFile(ignore);
    EXPECT_TRUE(patterns.ok());
    auto matcher = PatternMatcher::Make(*patterns);
    EXPECT_TRUE(matcher.ok()) << matcher.status().ToString();
    auto fd = fs::Open(folder_.path(), O_RDONLY | O_DIRECTORY);
    EXPECT_TRUE(fd.ok());
    return WalkContext(Context::Background(), pool_, fd->get(), *matcher);
  }

  std::vector<ContextEntry> WalkOk(const std::string& ignore = "") {
    auto entries = Walk(ignore);
    EXPECT_TRUE(entries.ok()) << entries.status().ToString();
    return entries.ok() ? std::move(entries).value() : std::vector<ContextEntry>();
  }

  Folder folder_;
  ThreadPool pool_{2};
};

TEST_F(ContextWalkerTest, ListsInPathOrderWithFoldersBeforeWhatIsInThem) {
  folder_.Write("a/b", "1");
  folder_.Write("a.b", "2");
  folder_.Write("a-b", "3");
  folder_.MakeDir("a/empty");
  EXPECT_THAT(PathsOf(WalkOk()), ElementsAre("a", "a/b", "a/empty", "a-b", "a.b"));
}

TEST_F(ContextWalkerTest, RecordsKindModeAndSize) {
  folder_.Write("f", "12345", 0750);
  folder_.Symlink("/etc/passwd", "out");
  folder_.Symlink("nowhere", "dangling");
  ASSERT_EQ(::mkfifo(folder_.At("pipe").c_str(), 0600), 0);
  const auto entries = WalkOk();
  EXPECT_EQ(FindEntry(entries, "f")->stamp.size, 5U);
  EXPECT_EQ(FindEntry(entries, "f")->mode, 0750U);
  EXPECT_EQ(FindEntry(entries, "out")->kind, EntryKind::kSymlink);
  EXPECT_EQ(FindEntry(entries, "out")->link, "/etc/passwd");
  EXPECT_EQ(FindEntry(entries, "dangling")->link, "nowhere");
  EXPECT_EQ(FindEntry(entries, "pipe")->kind, EntryKind::kFifo);
}

TEST_F(ContextWalkerTest, LinkToAFolderIsKeptAndNotFollowed) {
  Folder other;
  other.Write("secret", "x");
  folder_.Symlink(other.path(), "elsewhere");
  EXPECT_THAT(PathsOf(WalkOk()), ElementsAre("elsewhere"));
}

TEST_F(ContextWalkerTest, SocketsAreLeftOut) {
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, folder_.At("s").c_str(), sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  folder_.Write("f", "");
  EXPECT_THAT(PathsOf(WalkOk()), ElementsAre("f"));
}

TEST_F(ContextWalkerTest, SecondNameOfAFileIsAHardlinkToTheFirstThatIsSent) {
  folder_.Write("b", "x");
  folder_.Hardlink("b", "a");
  folder_.Hardlink("b", "c");
  auto entries = WalkOk();
  EXPECT_EQ(FindEntry(entries, "a")->kind, EntryKind::kFile);
  EXPECT_EQ(FindEntry(entries, "b")->kind, EntryKind::kHardlink);
  EXPECT_EQ(FindEntry(entries, "c")->link, "a");
  entries = WalkOk("a");
  EXPECT_EQ(FindEntry(entries, "b")->kind, EntryKind::kFile);
  EXPECT_EQ(FindEntry(entries, "c")->link, "b");
}

TEST_F(ContextWalkerTest, IgnoredFolderGoesWithAllThatIsInIt) {
  folder_.Write("node_modules/x/y", "1");
  folder_.Write("src/a", "2");
  EXPECT_THAT(PathsOf(WalkOk("node_modules")), ElementsAre("src", "src/a"));
}

TEST_F(ContextWalkerTest, ExceptionBringsBackAFileAndTheFoldersAboveIt) {
  folder_.Write("a/b/keep", "1");
  folder_.Write("a/b/drop", "2");
  folder_.Write("a/c/drop", "3");
  folder_.Write("d/drop", "4");
  EXPECT_THAT(PathsOf(WalkOk("*\n!a/b/keep")), ElementsAre("a", "a/b", "a/b/keep"));
}

TEST_F(ContextWalkerTest, EmptyFolderIsKeptWhenItIsNotIgnored) {
  folder_.MakeDir("e");
  folder_.Write("f", "");
  EXPECT_THAT(PathsOf(WalkOk("f")), ElementsAre("e"));
}

TEST_F(ContextWalkerTest, ExcludedFolderIsNotEvenRead) {
  folder_.Write("private/x", "1");
  folder_.Write("f", "2");
  ASSERT_EQ(::chmod(folder_.At("private").c_str(), 0), 0);
  const WithoutPrivileges guard;
  EXPECT_THAT(PathsOf(WalkOk("private")), ElementsAre("f"));
}

TEST_F(ContextWalkerTest, UnreadableFolderIsNamedWithTheWayOut) {
  folder_.Write("private/x", "1");
  ASSERT_EQ(::chmod(folder_.At("private").c_str(), 0), 0);
  const WithoutPrivileges guard;
  const auto entries = Walk();
  EXPECT_EQ(entries.code(), Code::kPermissionDenied);
  EXPECT_THAT(entries.status().message(), HasSubstr("'private'"));
  EXPECT_THAT(entries.status().message(), HasSubstr(".dockerignore"));
}

TEST_F(ContextWalkerTest, DevicesAreRefusedByName) {
  if (::mknod(folder_.At("null").c_str(), S_IFCHR | 0666, ::gnu_dev_makedev(1, 3)) != 0)
    GTEST_SKIP() << "mknod: not allowed here";
  const auto entries = Walk();
  EXPECT_EQ(entries.code(), Code::kInvalidArgument);
  EXPECT_THAT(entries.status().message(), HasSubstr("'null' of the context is a device"));
  EXPECT_TRUE(WalkOk("null").empty());
}

TEST_F(ContextWalkerTest, UserAttributesOfFoldersAreRead) {
  folder_.MakeDir("d");
  if (::setxattr(folder_.At("d").c_str(), "user.color", "red", 3, 0) != 0) GTEST_SKIP() << "no user attributes here";
  const auto entries = WalkOk();
  EXPECT_THAT(entries.front().xattrs, ElementsAre(::testing::Pair("user.color", "red")));
}

TEST_F(ContextWalkerTest, NamesNeedNotBeUtf8) {
  folder_.Write("\xff\xfe", "x");
  EXPECT_THAT(PathsOf(WalkOk()), ElementsAre("\xff\xfe"));
}

TEST_F(ContextWalkerTest, EndsWhenCanceled) {
  folder_.Write("f", "x");
  const Context ctx = Context::Background().Child();
  ctx.Cancel(Cancelled("interrupted"));
  auto fd = fs::Open(folder_.path(), O_RDONLY | O_DIRECTORY);
  EXPECT_EQ(WalkContext(ctx, pool_, fd->get(), PatternMatcher()).code(), Code::kCancelled);
}

}  // namespace
}  // namespace slipway::cli
