#include "cli/stat_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "tests/cli/folder.h"

namespace slipway::cli {
namespace {

using namespace std::chrono_literals;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kOld = 1'000'000 * kSecond;
const SystemTime kLater{2'000'000s};

ContextEntry File(const std::string& path, const std::string& content, int64_t mtime = kOld) {
  ContextEntry entry;
  entry.path = path;
  entry.stamp = {.size = content.size(), .mtime_ns = mtime, .ctime_ns = mtime, .inode = 7, .device = 1};
  entry.digest = Digest::Of(content);
  return entry;
}

ContextEntry Unread(ContextEntry entry) {
  entry.digest = Digest();
  entry.xattrs.clear();
  return entry;
}

class StatCacheTest : public ::testing::Test {
 protected:
  StatCache Open() { return StatCache::Open(folder_.path(), "/home/me/project"); }
  void Save(const std::vector<ContextEntry>& entries, SystemTime at = kLater) {
    StatCache cache = Open();
    EXPECT_TRUE(cache.Save(entries, at).ok());
  }
  std::string CacheFile() {
    const auto names = fs::ListDir(folder_.At("contexts"));
    EXPECT_TRUE(names.ok() && names->size() == 1);
    return folder_.At("contexts/" + names->front());
  }
  Folder folder_;
};

TEST_F(StatCacheTest, KnowsAFileThatWasNotTouched) {
  ContextEntry with_attribute = File("b", "two");
  with_attribute.xattrs = {{"user.color", "red"}};
  Save({File("a", "one"), with_attribute});
  std::vector<ContextEntry> entries = {Unread(File("a", "one")), Unread(with_attribute), Unread(File("c", "new"))};
  Open().Recall(&entries);
  EXPECT_EQ(entries[0].digest, Digest::Of("one"));
  EXPECT_EQ(entries[1].digest, Digest::Of("two"));
  EXPECT_EQ(entries[1].xattrs, with_attribute.xattrs);
  EXPECT_TRUE(entries[2].digest.empty());
}

TEST_F(StatCacheTest, AnyChangeOfTheStampForgetsTheFile) {
  Save({File("a", "one")});
  const FileStamp stamp = File("a", "one").stamp;
  std::vector<FileStamp> changed(5, stamp);
  changed[0].size += 1;
  changed[1].mtime_ns += 1;
  changed[2].ctime_ns += 1;  // as when someone put the old mtime back
  changed[3].inode += 1;
  changed[4].device += 1;
  for (const FileStamp& now : changed) {
    std::vector<ContextEntry> entries = {Unread(File("a", "one"))};
    entries[0].stamp = now;
    Open().Recall(&entries);
    EXPECT_TRUE(entries[0].digest.empty());
  }
}

TEST_F(StatCacheTest, FileChangedJustBeforeItWasLookedAtIsNotKept) {
  const int64_t now = std::chrono::duration_cast<std::chrono::nanoseconds>(kLater.time_since_epoch()).count();
  Save({File("racy", "one", now - kSecond), File("settled", "two", now - 3 * kSecond)});
  std::vector<ContextEntry> entries = {Unread(File("racy", "one", now - kSecond)),
                                       Unread(File("settled", "two", now - 3 * kSecond))};
  Open().Recall(&entries);
  EXPECT_TRUE(entries[0].digest.empty());
  EXPECT_FALSE(entries[1].digest.empty());
}

TEST_F(StatCacheTest, DamagedFileIsTakenAsEmpty) {
  Save({File("a", "one"), File("b", "two")});
  auto bytes = fs::ReadFile(CacheFile());
  ASSERT_TRUE(bytes.ok());
  for (size_t i = 0; i < bytes->size(); i += 7) {
    std::string damaged = *bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x40);
    ASSERT_TRUE(fs::WriteFileAtomic(CacheFile(), damaged).ok());
    std::vector<ContextEntry> entries = {Unread(File("a", "one"))};
    Open().Recall(&entries);
    EXPECT_TRUE(entries[0].digest.empty()) << "byte " << i;
  }
  ASSERT_TRUE(fs::WriteFileAtomic(CacheFile(), bytes->substr(0, bytes->size() / 2)).ok());
  std::vector<ContextEntry> entries = {Unread(File("a", "one"))};
  Open().Recall(&entries);
  EXPECT_TRUE(entries[0].digest.empty());
}

TEST_F(StatCacheTest, AnotherFolderHasItsOwnMemory) {
  Save({File("a", "one")});
  std::vector<ContextEntry> entries = {Unread(File("a", "one"))};
  StatCache::Open(folder_.path(), "/home/me/other").Recall(&entries);
  EXPECT_TRUE(entries[0].digest.empty());
}

TEST_F(StatCacheTest, RemembersWhichServerHasWhichManifest) {
  const Digest manifest = Digest::Of("manifest");
  {
    StatCache cache = Open();
    cache.RememberUpload("unix:/a", manifest, "upload:sha256:1");
    ASSERT_TRUE(cache.Save({}, kLater).ok());
  }
  EXPECT_EQ(Open().RecallUpload("unix:/a", manifest), "upload:sha256:1");
  EXPECT_EQ(Open().RecallUpload("unix:/b", manifest), "");
  EXPECT_EQ(Open().RecallUpload("unix:/a", Digest::Of("other")), "");
}

TEST_F(StatCacheTest, KeepsOnlyTheLastUploads) {
  StatCache cache = Open();
  for (int i = 0; i < 20; ++i) cache.RememberUpload("s", Digest::Of(std::to_string(i)), "upload:" + std::to_string(i));
  ASSERT_TRUE(cache.Save({}, kLater).ok());
  EXPECT_EQ(Open().RecallUpload("s", Digest::Of("19")), "upload:19");
  EXPECT_EQ(Open().RecallUpload("s", Digest::Of("0")), "");
}

TEST_F(StatCacheTest, UnchangedCacheIsNotWrittenAgain) {
  Save({File("a", "one")});
  struct stat before {
  }, after{};
  ASSERT_EQ(::stat(CacheFile().c_str(), &before), 0);
  Save({File("a", "one")});
  ASSERT_EQ(::stat(CacheFile().c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
}

TEST_F(StatCacheTest, WithoutAFolderNothingIsKept) {
  StatCache cache = StatCache::Open("", "/home/me/project");
  EXPECT_TRUE(cache.Save({File("a", "one")}, kLater).ok());
}

}  // namespace
}  // namespace slipway::cli
