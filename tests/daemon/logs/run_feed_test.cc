#include "daemon/logs/run_feed.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>

#include "daemon/logs/archive.h"
#include "executor/base/fs.h"
#include "tests/daemon/logs/file_size_limit.h"

namespace slipway::logs {
namespace {

class Counter : public Listener {
 public:
  void OnFeed() override {
    const std::lock_guard lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  int count() {
    const std::lock_guard lock(mutex_);
    return count_;
  }
  bool WaitForMore(int than) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return count_ > than; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

class RunFeedTest : public ::testing::Test {
 protected:
  fs::TempDir dir_ = *fs::TempDir::Make();
  std::shared_ptr<RunFeed> feed_ = std::make_shared<RunFeed>(dir_.path() + "/ca1", true);
  std::shared_ptr<Counter> listener_ = std::make_shared<Counter>();
};

TEST_F(RunFeedTest, ListenersAreToldOfWhatIsNew) {
  feed_->Subscribe(listener_);
  ASSERT_TRUE(feed_->Flush().ok());
  EXPECT_EQ(listener_->count(), 0) << "nothing is new";
  feed_->log().Append("x");
  ASSERT_TRUE(feed_->Flush().ok());
  EXPECT_EQ(listener_->count(), 1);
  feed_->StateChanged();
  EXPECT_EQ(listener_->count(), 2);
  feed_->Close();
  EXPECT_EQ(listener_->count(), 3);
  EXPECT_FALSE(feed_->open());
  EXPECT_EQ(feed_->version(), 2U);
}

TEST_F(RunFeedTest, AListenerThatIsGoneIsForgotten) {
  feed_->Subscribe(listener_);
  listener_.reset();
  feed_->StateChanged();
}

TEST_F(RunFeedTest, ProgressKeepsTheLatestOnly) {
  RunEvent event;
  event.vertex = "v";
  event.name = "download";
  for (uint64_t i = 1; i < 10; ++i) {
    event.current = i;
    feed_->SetProgress(event);
  }
  uint64_t since = 0;
  const std::vector<RunEvent> now = feed_->ProgressSince(&since);
  ASSERT_EQ(now.size(), 1U);
  EXPECT_EQ(now[0].current, 9U);
  EXPECT_TRUE(feed_->ProgressSince(&since).empty());
  EXPECT_EQ(feed_->TakeProgress("v").size(), 1U);
  EXPECT_TRUE(feed_->TakeProgress("v").empty());
}

TEST_F(RunFeedTest, ProgressOfManyThingsIsBounded) {
  RunEvent event;
  event.vertex = "v";
  for (int i = 0; i < 10'000; ++i) {
    event.name = std::to_string(i);
    feed_->SetProgress(event);
  }
  EXPECT_LE(feed_->TakeProgress("v").size(), 256U);
}

TEST_F(RunFeedTest, AFileThatIsNotThereIsEmpty) {
  EXPECT_EQ(*feed_->log().Size(), 0U);
  char buffer[8];
  EXPECT_EQ(*feed_->log().ReadAt(buffer, 0), 0U);
  EXPECT_FALSE(fs::Exists(dir_.path() + "/ca1.log"));
}

TEST_F(RunFeedTest, AFullDiskIsToldOnce) {
  TailFile file("/dev/full");
  file.Append("x");
  EXPECT_EQ(file.Flush().code(), Code::kResourceExhausted);
  file.Append("y");
  EXPECT_TRUE(file.Flush().ok()) << "told before";
  EXPECT_EQ(file.TakeLost(), 2U);
  EXPECT_EQ(file.TakeLost(), 0U);
}

TEST_F(RunFeedTest, AFailureWithinAppendIsToldByTheNextFlush) {
  ASSERT_EQ(::symlink("/dev/full", (dir_.path() + "/ca1.log").c_str()), 0);
  feed_->log().Append(std::string(64 << 10, 'x'));
  EXPECT_EQ(feed_->Flush().code(), Code::kResourceExhausted);
  EXPECT_TRUE(feed_->Flush().ok());
}

TEST_F(RunFeedTest, TheLogGoesOnBehindTheLastWholeWriteWhenThereIsSpace) {
  TailFile& log = feed_->log();
  log.Append("before\n");
  ASSERT_TRUE(log.Flush().ok());
  {
    const FileSizeLimit full(10);
    log.Append("does not fit\n");
    EXPECT_FALSE(log.Flush().ok());
    EXPECT_EQ(*log.Size(), 7U);
    EXPECT_EQ(fs::ReadFile(dir_.path() + "/ca1.log").ValueOr(""), "before\n")
        << "the part of it that did fit is cut off";
  }
  log.Append("after\n");
  EXPECT_TRUE(log.Flush().ok());
  EXPECT_EQ(log.TakeLost(), 13U);
  EXPECT_EQ(fs::ReadFile(dir_.path() + "/ca1.log").ValueOr(""), "before\nafter\n");
  {
    const FileSizeLimit full(14);
    log.Append("again\n");
    EXPECT_FALSE(log.Flush().ok()) << "another failure than the first one";
  }
}

TEST_F(RunFeedTest, TheFlusherBringsOutputToListeners) {
  const auto archive = *Archive::Open(dir_.path());
  const auto recorder = *archive->Record("ca2", std::make_shared<const secrets::Masker>(std::vector<std::string>()));
  const auto feed = archive->Read("ca2");
  feed->Subscribe(listener_);
  recorder->Line("hello");
  EXPECT_TRUE(listener_->WaitForMore(0));
  EXPECT_GT(*feed->log().Size(), 0U);
}

TEST_F(RunFeedTest, AClosedRunIsReadFromItsFiles) {
  const auto archive = *Archive::Open(dir_.path());
  const auto open = archive->Expect("ca3");
  EXPECT_EQ(archive->Read("ca3"), open);
  archive->Close("ca3");
  EXPECT_FALSE(open->open());
  EXPECT_FALSE(archive->Read("ca3")->open());
}

}  // namespace
}  // namespace slipway::logs
