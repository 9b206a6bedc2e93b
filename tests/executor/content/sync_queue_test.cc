#include "executor/content/sync_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "executor/base/fs.h"

namespace slipway::content {
namespace {

class SyncQueueTest : public ::testing::Test {
 protected:
  StagedFile& Write(std::string_view name, std::string_view bytes) {
    files_.push_back(*StagedFile::Create(fs::Join(dir_.path(), name)));
    EXPECT_TRUE(files_.back().Write(bytes).ok());
    return files_.back();
  }
  std::string Read(std::string_view name) { return *fs::ReadFile(fs::Join(dir_.path(), name)); }

  fs::TempDir dir_ = *fs::TempDir::Make();
  std::deque<StagedFile> files_;
  SyncQueue queue_;
};

TEST_F(SyncQueueTest, FilesAreWholeAndClosedInTheEndAndCanBeMoved) {
  constexpr size_t kCount = 5 * SyncQueue::kMostWaiting + 3;
  for (size_t i = 0; i < kCount; ++i) {
    ASSERT_TRUE(queue_.Add(Write(fmt::format("{}", i), fmt::format("bytes of {}", i))).ok());
    const auto open = std::count_if(files_.begin(), files_.end(), [](const StagedFile& file) { return file.valid(); });
    ASSERT_LE(open, static_cast<ptrdiff_t>(2 * SyncQueue::kMostWaiting));
  }
  ASSERT_TRUE(queue_.Finish().ok());
  for (size_t i = 0; i < kCount; ++i) {
    EXPECT_FALSE(files_[i].valid());
    EXPECT_EQ(Read(fmt::format("{}", i)), fmt::format("bytes of {}", i));
  }
  ASSERT_TRUE(files_[0].MoveTo(fs::Join(dir_.path(), "moved")).ok());
  EXPECT_EQ(Read("moved"), "bytes of 0");
}

TEST_F(SyncQueueTest, ALargeFileTakesTheSmallOnesBeforeItAlong) {
  ASSERT_TRUE(queue_.Add(Write("small", "s")).ok());
  ASSERT_TRUE(queue_.Add(Write("large", std::string(5U << 20, 'l'))).ok());
  ASSERT_TRUE(queue_.Finish().ok());
  EXPECT_FALSE(files_[0].valid());
  EXPECT_FALSE(files_[1].valid());
  EXPECT_EQ(Read("large").size(), 5U << 20);
}

TEST_F(SyncQueueTest, NothingIsFinishedAtOnce) { EXPECT_TRUE(queue_.Finish().ok()); }

// A file that cannot be synced: a descriptor that is none.
TEST_F(SyncQueueTest, AFailureIsToldByWhateverComesNext) {
  for (size_t i = 0; i < SyncQueue::kMostWaiting; ++i) {
    files_.push_back(StagedFile::Adopt("", UniqueFd()));
    ASSERT_TRUE(queue_.Add(files_.back()).ok());
  }
  EXPECT_FALSE(queue_.Finish().ok());
}

}  // namespace
}  // namespace slipway::content
