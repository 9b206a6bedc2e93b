#include "executor/base/fs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executor/base/cleanup.h"

namespace slipway::fs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FsTest : public ::testing::Test {
 protected:
  std::string Path(std::string_view below) const { return Join(dir_.path(), below); }
  void Write(std::string_view below, std::string_view content) {
    ASSERT_TRUE(MakeDirs(DirName(Path(below))).ok());
    ASSERT_TRUE(WriteFileAtomic(Path(below), content).ok());
  }
  static std::string ReadAll(const UniqueFd& fd) {
    std::string out(100, '\0');
    out.resize(*ReadFull(fd.get(), out));
    return out;
  }
  TempDir dir_ = *TempDir::Make();
};

TEST_F(FsTest, AWrittenFileIsReadBack) {
  Write("file", "content");
  EXPECT_EQ(*ReadFile(Path("file")), "content");
  Write("file", "new");
  EXPECT_EQ(*ReadFile(Path("file")), "new");
  EXPECT_THAT(*ListDir(dir_.path()), ElementsAre("file")) << "no temporary file is left";
}

TEST_F(FsTest, ReadFileIsBounded) {
  Write("file", std::string(100'000, 'x'));
  EXPECT_EQ(ReadFile(Path("file"), 100'000)->size(), 100'000U);
  EXPECT_EQ(ReadFile(Path("file"), 99'999).code(), Code::kResourceExhausted);
  EXPECT_EQ(ReadFile("/dev/zero", 1000).code(), Code::kResourceExhausted);
}

TEST_F(FsTest, ErrorsNameThePath) {
  EXPECT_EQ(ReadFile(Path("none")).code(), Code::kNotFound);
  EXPECT_THAT(ReadFile(Path("none")).status().message(), ::testing::HasSubstr(Path("none")));
}

TEST_F(FsTest, AFailedWriteLeavesNoTemporaryFile) {
  ASSERT_TRUE(MakeDirs(Path("taken/below")).ok());
  EXPECT_FALSE(WriteFileAtomic(Path("taken"), "x").ok());
  EXPECT_THAT(*ListDir(dir_.path()), ElementsAre("taken"));
}

TEST_F(FsTest, PositionedReadsAndWritesLeaveTheRest) {
  Write("file", "0123456789");
  UniqueFd fd = *Open(Path("file"), O_RDWR);
  ASSERT_TRUE(WriteAllAt(fd.get(), "ab", 4).ok());
  std::string buffer(5, '\0');
  EXPECT_EQ(*ReadFullAt(fd.get(), buffer, 3), 5U);
  EXPECT_EQ(buffer, "3ab67");
  EXPECT_EQ(*ReadFullAt(fd.get(), buffer, 8), 2U);
}

TEST_F(FsTest, MakeDirsAcceptsWhatIsThere) {
  EXPECT_TRUE(MakeDirs(Path("a/b/c")).ok());
  EXPECT_TRUE(MakeDirs(Path("a/b/c")).ok());
  Write("file", "x");
  EXPECT_EQ(MakeDirs(Path("file")).code(), Code::kFailedPrecondition);
  EXPECT_FALSE(MakeDirs(Path("file/below")).ok());
}

// A tree as an attacker would build it: links that lead out by "..", by an absolute path and through a folder.
TEST_F(FsTest, OpenInRootStaysWithin) {
  Write("secret", "outside");
  Write("root/etc/passwd", "inside");
  Write("root/secret", "inside too");
  ASSERT_EQ(::symlink("../../secret", Path("root/etc/up").c_str()), 0);
  ASSERT_EQ(::symlink("/etc/passwd", Path("root/absolute").c_str()), 0);
  ASSERT_EQ(::symlink("/", Path("root/top").c_str()), 0);
  UniqueFd root = *Open(Path("root"), O_RDONLY | O_DIRECTORY);

  EXPECT_EQ(ReadAll(*OpenInRoot(root.get(), "../secret", O_RDONLY)), "inside too");
  EXPECT_EQ(ReadAll(*OpenInRoot(root.get(), "etc/up", O_RDONLY)), "inside too");
  EXPECT_EQ(ReadAll(*OpenInRoot(root.get(), "absolute", O_RDONLY)), "inside");
  EXPECT_EQ(ReadAll(*OpenInRoot(root.get(), "top/../etc/passwd", O_RDONLY)), "inside");
  EXPECT_EQ(ReadAll(*OpenInRoot(root.get(), "/etc/passwd", O_RDONLY)), "inside");
  EXPECT_TRUE(OpenInRoot(root.get(), "", O_RDONLY | O_DIRECTORY).ok());

  ASSERT_TRUE(OpenInRoot(root.get(), "../../../new", O_WRONLY | O_CREAT, 0600).ok());
  EXPECT_TRUE(Exists(Path("root/new")));
  EXPECT_FALSE(Exists(Path("new")));
}

TEST_F(FsTest, OpenInRootEndsInALoopOfLinks) {
  ASSERT_EQ(::symlink("b", Path("a").c_str()), 0);
  ASSERT_EQ(::symlink("a", Path("b").c_str()), 0);
  UniqueFd root = *Open(dir_.path(), O_RDONLY | O_DIRECTORY);
  EXPECT_EQ(OpenInRoot(root.get(), "a", O_RDONLY).code(), Code::kInvalidArgument);
}

TEST_F(FsTest, OpenBeneathRefusesLinksAndDots) {
  Write("dir/file", "x");
  ASSERT_EQ(::symlink("dir", Path("link").c_str()), 0);
  UniqueFd root = *Open(dir_.path(), O_RDONLY | O_DIRECTORY);
  EXPECT_TRUE(OpenBeneath(root.get(), "dir/file", O_RDONLY).ok());
  EXPECT_FALSE(OpenBeneath(root.get(), "link/file", O_RDONLY).ok());
  EXPECT_FALSE(OpenBeneath(root.get(), "../x", O_RDONLY).ok());
  EXPECT_FALSE(OpenBeneath(root.get(), "/etc/passwd", O_RDONLY).ok());
}

TEST_F(FsTest, OpenRegularReadsFilesAndFollowsLinksInsideTheRootOnly) {
  Write("root/etc/passwd", "inside");
  Write("passwd", "outside");
  ASSERT_EQ(::symlink("../../../etc/passwd", Path("root/link").c_str()), 0);
  const UniqueFd root = *Open(Path("root"), O_PATH | O_DIRECTORY);
  EXPECT_EQ(ReadAll(*OpenRegularInRoot(root.get(), "link")), "inside");
  EXPECT_EQ(ReadAll(*OpenRegularBeneath(root.get(), "etc/passwd")), "inside");
  EXPECT_NE(::fcntl(OpenRegularInRoot(root.get(), "link")->get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_EQ(OpenRegularInRoot(root.get(), "etc/group").code(), Code::kNotFound);
  EXPECT_EQ(OpenRegularBeneath(root.get(), "link").code(), Code::kFailedPrecondition);
}

// What opens such a pipe without O_NONBLOCK hangs.
TEST_F(FsTest, OpenRegularDoesNotOpenAPipe) {
  ASSERT_EQ(::mkfifo(Path("pipe").c_str(), 0600), 0);
  const UniqueFd root = *Open(dir_.path(), O_PATH | O_DIRECTORY);
  for (const auto& opened :
       {OpenRegularInRoot(root.get(), "pipe").status(), OpenRegularBeneath(root.get(), "pipe").status(),
        OpenRegularInRoot(root.get(), "").status()}) {
    EXPECT_EQ(opened.code(), Code::kFailedPrecondition);
    EXPECT_THAT(opened.message(), HasSubstr("not a regular file"));
  }
}

// Without a driver, an open would fail with ENXIO: another error shows that there was none.
TEST_F(FsTest, OpenRegularDoesNotOpenADevice) {
  if (::mknod(Path("device").c_str(), S_IFCHR | 0600, ::makedev(254, 255)) != 0) GTEST_SKIP() << "needs CAP_MKNOD";
  ASSERT_EQ(::symlink("device", Path("link").c_str()), 0);
  const UniqueFd root = *Open(dir_.path(), O_PATH | O_DIRECTORY);
  for (const char* name : {"device", "link"}) {
    const Status opened = OpenRegularInRoot(root.get(), name).status();
    EXPECT_EQ(opened.code(), Code::kFailedPrecondition);
    EXPECT_THAT(opened.message(), HasSubstr("it is a device, not a regular file"));
  }
  EXPECT_EQ(OpenRegularBeneath(root.get(), "device").code(), Code::kFailedPrecondition);
}

TEST_F(FsTest, DescriptorsAreClosedOnExec) {
  Write("file", "x");
  UniqueFd root = *Open(dir_.path(), O_RDONLY | O_DIRECTORY);
  EXPECT_NE(::fcntl(root.get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(::fcntl(OpenInRoot(root.get(), "file", O_RDONLY)->get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(FsTest, RemoveAllTakesTheTreeAndNotWhatLinksPointTo) {
  Write("kept/file", "x");
  Write("tree/a/b/file", "x");
  ASSERT_EQ(::symlink(Path("kept").c_str(), Path("tree/link").c_str()), 0);
  ASSERT_EQ(::mkfifo(Path("tree/pipe").c_str(), 0600), 0);
  EXPECT_TRUE(RemoveAll(Path("tree")).ok());
  EXPECT_FALSE(Exists(Path("tree")));
  EXPECT_TRUE(Exists(Path("kept/file")));
  EXPECT_TRUE(RemoveAll(Path("tree")).ok()) << "not there is fine";
}

TEST_F(FsTest, RemoveAllTakesALinkAndAFile) {
  Write("kept/file", "x");
  ASSERT_EQ(::symlink("kept", Path("link").c_str()), 0);
  EXPECT_TRUE(RemoveAll(Path("link")).ok());
  EXPECT_TRUE(RemoveAll(Path("kept/file")).ok());
  EXPECT_THAT(*ListDir(dir_.path()), ElementsAre("kept"));
}

// A container can build a tree that is deeper than any path is long and than there are descriptors.
TEST_F(FsTest, RemoveAllTakesATreeOfAnyDepth) {
  constexpr int kDepth = 700;
  ASSERT_TRUE(MakeDirs(Path("deep")).ok());
  UniqueFd at = *Open(Path("deep"), O_RDONLY | O_DIRECTORY);
  for (int i = 0; i < kDepth; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), "d", 0755), 0);
    UniqueFd next(::openat(at.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    UniqueFd file(::openat(at.get(), "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_TRUE(next.valid() && file.valid());
    at = std::move(next);
  }
  at.Reset();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  Cleanup restore([&before] { ::setrlimit(RLIMIT_NOFILE, &before); });
  rlimit few = before;
  few.rlim_cur = 150;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  Status status = RemoveAll(Path("deep"));
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_FALSE(Exists(Path("deep")));
}

// Runs `body` as somebody else than root, for whom the bits of a mode mean something. 0 if it returns true.
int AsNobody(const std::function<bool()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr uid_t kNobody = 65534;
    if (::geteuid() == 0 && ::setresuid(kNobody, kNobody, kNobody) != 0) ::_exit(2);
    ::_exit(body() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(FsTest, RemoveAllTakesFoldersThatForbidIt) {
  ASSERT_EQ(::chmod(dir_.path().c_str(), 0777), 0);
  EXPECT_EQ(AsNobody([this] {
              // As the module cache of Go leaves it.
              return MakeDirs(Path("tree/a/b")).ok() && WriteFileAtomic(Path("tree/a/b/file"), "x").ok() &&
                     ::chmod(Path("tree/a/b").c_str(), 0555) == 0 && ::chmod(Path("tree/a").c_str(), 0) == 0 &&
                     RemoveAll(Path("tree")).ok() && !Exists(Path("tree"));
            }),
            0);
}

TEST_F(FsTest, ListDirIsSortedBytewise) {
  for (const char* name : {"b", "a", "B", ".hidden", "a.b"}) Write(name, "");
  EXPECT_THAT(*ListDir(dir_.path()), ElementsAre(".hidden", "B", "a", "a.b", "b"));
  EXPECT_EQ(ListDir(Path("none")).code(), Code::kNotFound);
}

TEST(FsPath, JoinUsesOneSlash) {
  EXPECT_EQ(Join("a", "b"), "a/b");
  EXPECT_EQ(Join("a//", "//b"), "a/b");
  EXPECT_EQ(Join("/", "b"), "/b");
  EXPECT_EQ(Join("", "b"), "b");
  EXPECT_EQ(Join("a", ""), "a");
}

TEST(FsPath, CleanIsGos) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "."},        {".", "."},      {"/", "/"},      {"//", "/"},           {"a//b", "a/b"},
      {"a/./b", "a/b"}, {"a/../b", "b"}, {"a/..", "."},   {"../a", "../a"},      {"a/../../b", "../b"},
      {"/..", "/"},     {"/../a", "/a"}, {"a/b/", "a/b"}, {"./a/.././b/.", "b"}, {"../../..", "../../.."},
      {"...", "..."}};
  for (const auto& [in, out] : cases) EXPECT_EQ(Clean(in), out) << in;
}

TEST(FsPath, BaseAndDirAreGos) {
  EXPECT_EQ(BaseName(""), ".");
  EXPECT_EQ(BaseName("/"), "/");
  EXPECT_EQ(BaseName("//"), "/");
  EXPECT_EQ(BaseName("a/b/"), "b");
  EXPECT_EQ(DirName(""), ".");
  EXPECT_EQ(DirName("/"), "/");
  EXPECT_EQ(DirName("/a"), "/");
  EXPECT_EQ(DirName("a"), ".");
  EXPECT_EQ(DirName("a/b/"), "a/b");
}

TEST(TempDir, IsRemovedWithItsScope) {
  std::string path;
  {
    TempDir dir = *TempDir::Make();
    path = dir.path();
    ASSERT_TRUE(WriteFileAtomic(Join(path, "file"), "x").ok());
    TempDir moved = std::move(dir);
    EXPECT_TRUE(Exists(path));
  }
  EXPECT_FALSE(Exists(path));
}

TEST(TempDir, AssignmentRemovesTheOldAndReleaseKeeps) {
  TempDir dir = *TempDir::Make();
  const std::string old = dir.path();
  dir = *TempDir::Make();
  EXPECT_FALSE(Exists(old));
  const std::string kept = dir.Release();
  dir = TempDir();
  EXPECT_TRUE(Exists(kept));
  EXPECT_TRUE(RemoveAll(kept).ok());
}

TEST(FileLock, IsHeldByOne) {
  TempDir dir = *TempDir::Make();
  const std::string path = Join(dir.path(), "lock");
  {
    FileLock lock = *FileLock::TryAcquire(path);
    EXPECT_EQ(FileLock::TryAcquire(path).code(), Code::kFailedPrecondition);
  }
  EXPECT_TRUE(FileLock::TryAcquire(path).ok());
}

}  // namespace
}  // namespace slipway::fs
