// Large files that come open, on a file system whose files can share their bytes (XFS, in a file, mounted as root).
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "executor/base/process.h"
#include "executor/content/staged_file.h"
#include "tests/executor/content/store_fixture.h"

namespace slipway::content {
namespace {

Status GoOn() { return Status(); }

class SharedBytesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0 || !fs::Exists("/dev/loop-control")) GTEST_SKIP() << "needs root and loop devices";
    const std::string image = fs::Join(dir_.path(), "image");
    ASSERT_TRUE(fs::WriteFileAtomic(image, "").ok());
    ASSERT_EQ(::truncate(image.c_str(), 400LL << 20), 0);
    ASSERT_TRUE(fs::MakeDirs(mounted_).ok());
    ASSERT_TRUE(Run({"mkfs.xfs", "-q", image}));
    if (!Run({"mount", "-o", "loop", image, mounted_})) {
      ASSERT_EQ(fs::ReadFile("/proc/filesystems").ValueOr("").find("\txfs\n"), std::string::npos) << "it has XFS";
      GTEST_SKIP() << "needs a kernel with XFS";
    }
    store_ = *Store::Open(fs::Join(mounted_, "store"));
  }
  void TearDown() override {
    store_.reset();
    ::umount2(mounted_.c_str(), MNT_DETACH);
  }

  static bool Run(const std::vector<std::string>& argv) {
    auto child = ChildProcess::Spawn({.argv = argv, .stderr_fd = 2});
    EXPECT_TRUE(child.ok()) << child.status().ToString();
    const auto exit = child.ok() ? child->Wait(Context::Background()) : child.status();
    return exit.ok() && exit->ok();
  }
  uint64_t FreeBytes() const {
    struct statvfs info {};
    EXPECT_EQ(::statvfs(mounted_.c_str(), &info), 0);
    return info.f_bfree * info.f_frsize;
  }

  fs::TempDir dir_ = *fs::TempDir::Make();
  const std::string mounted_ = fs::Join(dir_.path(), "mounted");
  std::unique_ptr<Store> store_;
};

TEST_F(SharedBytesTest, TheyAreNotCopiedAndStayWhatTheyWere) {
  std::string content(40U << 20, 'x');
  for (size_t i = 0; i < content.size(); i += 4096) content[i] = static_cast<char>(i >> 12);
  const std::string path = fs::Join(mounted_, "file");
  ASSERT_TRUE(fs::WriteFileAtomic(path, content).ok());
  const uint64_t before = FreeBytes();
  const UniqueFd fd = *fs::Open(path, O_RDWR);
  const std::unique_ptr<BatchIngest> batch = *store_->BeginBatch();
  EXPECT_EQ(batch->AddFile(fd.get(), content.size(), Digest::Of("else"), GoOn).code(), Code::kDataLoss);
  const auto digest = batch->AddFile(fd.get(), content.size(), Digest::Of(content), GoOn);
  ASSERT_TRUE(digest.ok()) << digest.status().ToString();
  ASSERT_TRUE(batch->Commit(nullptr).ok());
  EXPECT_LT(before - FreeBytes(), content.size() / 4) << "the bytes are there once";
  ASSERT_TRUE(fs::WriteAllAt(fd.get(), "changed", 0).ok());
  EXPECT_TRUE(store_->Open(*digest)->ReadAll().ValueOr("") == content);
}

TEST_F(SharedBytesTest, AFileOfAnotherSizeIsNotShared) {
  const std::string path = fs::Join(mounted_, "file");
  ASSERT_TRUE(fs::WriteFileAtomic(path, std::string(1U << 20, 'x')).ok());
  ASSERT_EQ(::truncate(path.c_str(), INT64_MAX >> 2), 0) << "it holds more than anybody could hash";
  const UniqueFd fd = *fs::Open(path, O_RDONLY);
  StagedFile staged = *StagedFile::Create(fs::Join(mounted_, "staged"));
  EXPECT_FALSE(*staged.Share(fd.get(), 1U << 20));
  struct stat st {};
  ASSERT_EQ(::fstat(staged.fd(), &st), 0);
  EXPECT_EQ(st.st_size, 0) << "nothing is left below what is written instead";
}

}  // namespace
}  // namespace slipway::content
