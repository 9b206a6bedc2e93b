#include "cli/context_packer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/xattr.h>

#include "tests/cli/folder.h"

namespace slipway::cli {
namespace {

using ::testing::HasSubstr;

// So late that no file is racy any more.
class LateClock : public Clock {
 public:
  std::chrono::steady_clock::time_point Steady() const override { return std::chrono::steady_clock::now(); }
  SystemTime System() const override { return std::chrono::system_clock::now() + std::chrono::hours(1); }
};

class ContextPackerTest : public ::testing::Test {
 protected:
  struct Packed {
    Digest manifest;
    uint64_t files_read = 0;
    std::vector<ContextEntry> entries;
  };

  Packed Pack(const std::string& ignore = "") {
    auto packer = ContextPacker::Open(pool_, folder_.path(), cache_.path(), clock_);
    EXPECT_TRUE(packer.ok());
    EXPECT_TRUE(packer->Walk(Context::Background(), *ParseIgnoreFile(ignore)).ok());
    ReadProgress progress;
    const Status status = packer->Read(Context::Background(), &progress);
    EXPECT_TRUE(status.ok()) << status.ToString();
    EXPECT_TRUE(packer->SaveCache().ok());
    return {packer->manifest(), progress.files, packer->entries()};
  }

  Folder folder_;
  Folder cache_;
  LateClock clock_;
  ThreadPool pool_{2};
};

TEST_F(ContextPackerTest, GivesEveryFileItsDigest) {
  const std::string large(3U << 20, 'x');
  folder_.Write("small", "hello");
  folder_.Write("empty", "");
  folder_.Write("d/large", large);
  const Packed packed = Pack();
  EXPECT_EQ(FindEntry(packed.entries, "small")->digest, Digest::Of("hello"));
  EXPECT_EQ(FindEntry(packed.entries, "empty")->digest, Digest::Of(""));
  EXPECT_EQ(FindEntry(packed.entries, "d/large")->digest, Digest::Of(large));
  EXPECT_TRUE(FindEntry(packed.entries, "small")->has_content);
  EXPECT_FALSE(FindEntry(packed.entries, "d/large")->has_content);
}

TEST_F(ContextPackerTest, UnchangedContextIsNotRead) {
  for (int i = 0; i < 300; ++i) folder_.Write("d/" + std::to_string(i), std::to_string(i));
  const Packed first = Pack();
  EXPECT_EQ(first.files_read, 300U);
  const Packed second = Pack();
  EXPECT_EQ(second.files_read, 0U);
  EXPECT_EQ(second.manifest, first.manifest);
}

TEST_F(ContextPackerTest, ChangedFileIsReadAndChangesTheManifest) {
  folder_.Write("a", "one");
  folder_.Write("b", "two");
  const Packed first = Pack();
  folder_.Write("a", "eno");  // the same length
  const Packed second = Pack();
  EXPECT_EQ(second.files_read, 1U);
  EXPECT_EQ(FindEntry(second.entries, "a")->digest, Digest::Of("eno"));
  EXPECT_NE(second.manifest, first.manifest);
}

TEST_F(ContextPackerTest, FileThatGotItsOldTimeBackIsReadAllTheSame) {
  folder_.Write("a", "one");
  struct stat st {};
  ASSERT_EQ(::stat(folder_.At("a").c_str(), &st), 0);
  Pack();
  folder_.Write("a", "eno");
  const timespec times[2] = {st.st_atim, st.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, folder_.At("a").c_str(), times, 0), 0);
  EXPECT_EQ(FindEntry(Pack().entries, "a")->digest, Digest::Of("eno"));
}

TEST_F(ContextPackerTest, ModeAndNameChangeTheManifestWithoutAReadOfOthers) {
  folder_.Write("a", "one");
  folder_.Write("b", "two");
  const Packed first = Pack();
  ASSERT_EQ(::chmod(folder_.At("a").c_str(), 0755), 0);
  EXPECT_NE(Pack().manifest, first.manifest);
  ASSERT_EQ(::rename(folder_.At("b").c_str(), folder_.At("c").c_str()), 0);
  EXPECT_EQ(Pack().files_read, 1U);  // the cache goes by name
}

TEST_F(ContextPackerTest, AttributesOfFilesAreKeptInTheCacheToo) {
  folder_.Write("a", "one");
  if (::setxattr(folder_.At("a").c_str(), "user.color", "red", 3, 0) != 0) GTEST_SKIP() << "no user attributes here";
  const Packed first = Pack();
  const Packed second = Pack();
  EXPECT_EQ(second.files_read, 0U);
  EXPECT_EQ(FindEntry(second.entries, "a")->xattrs, FindEntry(first.entries, "a")->xattrs);
  ASSERT_EQ(::setxattr(folder_.At("a").c_str(), "user.color", "blue", 4, 0), 0);
  EXPECT_NE(Pack().manifest, first.manifest);
}

TEST_F(ContextPackerTest, UnreadableFileIsNamedWithTheWayOut) {
  folder_.Write("secret", "x", 0);
  const WithoutPrivileges guard;
  auto packer = ContextPacker::Open(pool_, folder_.path(), "");
  ASSERT_TRUE(packer->Walk(Context::Background(), {}).ok());
  ReadProgress progress;
  const Status status = packer->Read(Context::Background(), &progress);
  EXPECT_EQ(status.code(), Code::kPermissionDenied);
  EXPECT_THAT(status.message(), HasSubstr("'secret'"));
  EXPECT_THAT(status.message(), HasSubstr(".dockerignore"));
}

TEST_F(ContextPackerTest, FileThatVanishedAfterTheWalkIsLeftOut) {
  folder_.Write("a", "one");
  folder_.Write("b", "two");
  auto packer = ContextPacker::Open(pool_, folder_.path(), "");
  ASSERT_TRUE(packer->Walk(Context::Background(), {}).ok());
  ASSERT_EQ(::unlink(folder_.At("a").c_str()), 0);
  ReadProgress progress;
  ASSERT_TRUE(packer->Read(Context::Background(), &progress).ok());
  EXPECT_EQ(PathsOf(packer->entries()), std::vector<std::string>{"b"});
}

TEST_F(ContextPackerTest, FileThatGrewAfterTheWalkIsSentAsItIsNow) {
  folder_.Write("a", "one");
  auto packer = ContextPacker::Open(pool_, folder_.path(), "");
  ASSERT_TRUE(packer->Walk(Context::Background(), {}).ok());
  folder_.Write("a", "longer");
  ReadProgress progress;
  ASSERT_TRUE(packer->Read(Context::Background(), &progress).ok());
  EXPECT_EQ(packer->entries().front().stamp.size, 6U);
  EXPECT_EQ(packer->entries().front().digest, Digest::Of("longer"));
}

TEST_F(ContextPackerTest, FileThatBecameALinkIsNotFollowed) {
  folder_.Write("a", "one");
  auto packer = ContextPacker::Open(pool_, folder_.path(), "");
  ASSERT_TRUE(packer->Walk(Context::Background(), {}).ok());
  ASSERT_EQ(::unlink(folder_.At("a").c_str()), 0);
  folder_.Symlink("/etc/passwd", "a");
  ReadProgress progress;
  EXPECT_FALSE(packer->Read(Context::Background(), &progress).ok());
}

TEST_F(ContextPackerTest, FileThatBecameAPipeDoesNotHang) {
  folder_.Write("a", "one");
  auto packer = ContextPacker::Open(pool_, folder_.path(), "");
  ASSERT_TRUE(packer->Walk(Context::Background(), {}).ok());
  ASSERT_EQ(::unlink(folder_.At("a").c_str()), 0);
  ASSERT_EQ(::mkfifo(folder_.At("a").c_str(), 0600), 0);
  ReadProgress progress;
  EXPECT_EQ(packer->Read(Context::Background(), &progress).code(), Code::kAborted);
}

TEST_F(ContextPackerTest, BadPatternIsRefused) {
  auto packer = ContextPacker::Open(pool_, folder_.path(), "");
  const Status status = packer->Walk(Context::Background(), {"[a-"});
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("ignore file"));
}

}  // namespace
}  // namespace slipway::cli
