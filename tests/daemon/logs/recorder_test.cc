#include "daemon/logs/recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/logs/archive.h"
#include "daemon/logs/event_reader.h"
#include "executor/base/fs.h"
#include "tests/daemon/logs/file_size_limit.h"

namespace slipway::logs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Kind = RunEvent::Kind;

class RecorderTest : public ::testing::Test {
 protected:
  void Open(std::vector<std::string> secrets = {}, RecorderLimits limits = {}) {
    recorder_.reset();
    archive_ = *Archive::Open(dir_.path(), limits);
    recorder_ = *archive_->Record("ca1", std::make_shared<const secrets::Masker>(std::move(secrets)));
    vertex_ = VertexProgress(recorder_.get(), "v1", "[1/1] RUN make");
  }
  std::string Log() { return fs::ReadFile(dir_.path() + "/ca1.log").ValueOr(""); }
  std::vector<RunEvent> Events() {
    TailFile file(dir_.path() + "/ca1.events");
    EventReader reader(file);
    std::vector<RunEvent> out;
    while (true) {
      const Result<std::optional<RunEvent>> event = reader.Next();
      EXPECT_TRUE(event.ok()) << event.status().message();
      if (!event.ok() || !*event) return out;
      out.push_back(**event);
    }
  }
  std::vector<Kind> Kinds() {
    std::vector<Kind> out;
    for (const RunEvent& event : Events()) out.push_back(event.kind);
    return out;
  }

  fs::TempDir dir_ = *fs::TempDir::Make();
  std::unique_ptr<Archive> archive_;
  std::unique_ptr<Recorder> recorder_;
  VertexProgress vertex_;
};

TEST_F(RecorderTest, WritesLogAndEvents) {
  Open();
  vertex_.Started();
  vertex_.Log(ProgressEvent::Stream::kStdout, "hello\n");
  vertex_.Finished(Status());
  recorder_->Raw("Run ID: ca1 was successful after 1s\n");
  ASSERT_TRUE(recorder_->Close().ok());
  EXPECT_THAT(Log(), HasSubstr("#1 [1/1] RUN make\n#1 0."));
  EXPECT_THAT(Log(), HasSubstr("\nRun ID: ca1 was successful after 1s\n"));
  EXPECT_THAT(Kinds(), ElementsAre(Kind::kVertexStarted, Kind::kVertexLog, Kind::kVertexFinished));
  EXPECT_EQ(Events()[2].sequence, 3U);
}

TEST_F(RecorderTest, SecretsReachNoFile) {
  Open({"hunter2"});
  const VertexProgress vertex(recorder_.get(), "v1", "RUN echo hunter2");
  vertex.Started();
  vertex.Log(ProgressEvent::Stream::kStdout, "pass: hunt");
  vertex.Log(ProgressEvent::Stream::kStdout, "er2\n");
  vertex.Note("note hunter2");
  vertex.Warning("warning hunter2", "detail hunter2");
  vertex.Count("download hunter2", 1, 2);
  vertex.Finished(Internal("error hunter2"));
  recorder_->Line("line hunter2");
  recorder_->Raw("raw hunter2\n");
  ASSERT_TRUE(recorder_->Close().ok());
  EXPECT_THAT(Log(), Not(HasSubstr("hunter2")));
  EXPECT_THAT(Log(), HasSubstr("pass: ***"));
  EXPECT_THAT(*fs::ReadFile(dir_.path() + "/ca1.events"), Not(HasSubstr("hunter2")));
}

TEST_F(RecorderTest, OnlyTheLastProgressIsRecorded) {
  Open();
  vertex_.Started();
  for (uint64_t i = 1; i <= 100; ++i) vertex_.Count("download", i, 100);
  vertex_.Finished(Status());
  ASSERT_TRUE(recorder_->Close().ok());
  EXPECT_THAT(Kinds(), ElementsAre(Kind::kVertexStarted, Kind::kVertexProgress, Kind::kVertexFinished));
  EXPECT_EQ(Events()[1].current, 100U);
}

TEST_F(RecorderTest, AVertexThatWasNotStartedIsIntroduced) {
  Open();
  vertex_.Log(ProgressEvent::Stream::kStdout, "x\n");
  ASSERT_TRUE(recorder_->Close().ok());
  EXPECT_THAT(Kinds(), ElementsAre(Kind::kVertexStarted, Kind::kVertexLog));
}

TEST_F(RecorderTest, TooMuchOutputIsCutOnce) {
  Open({}, {.max_log_bytes = 100, .max_event_bytes = 50});
  vertex_.Started();
  for (int i = 0; i < 30; ++i) vertex_.Log(ProgressEvent::Stream::kStdout, "123456789\n");
  vertex_.Finished(Status());
  ASSERT_TRUE(recorder_->Close().ok());
  const std::string log = Log();
  EXPECT_LT(log.size(), 600U);
  EXPECT_THAT(log, HasSubstr("is longer than 100 B; the rest is not kept"));
  const std::vector<RunEvent> events = Events();
  EXPECT_EQ(std::count_if(events.begin(), events.end(), [](const RunEvent& e) { return e.kind == Kind::kVertexLog; }),
            5);
  EXPECT_EQ(events.back().kind, Kind::kDropped);
  EXPECT_EQ(events.back().number, 25U);
}

TEST_F(RecorderTest, OutputThatWasLostIsSpokenOfWhenThereIsSpaceAgain) {
  Open();
  const std::shared_ptr<RunFeed> feed = archive_->Expect("ca1");
  recorder_->Line("early words");
  ASSERT_TRUE(feed->Flush().ok());
  {
    const FileSizeLimit full(0);
    recorder_->Line("first words without space");
    feed->Flush().Ignore();  // or the flusher was told
    recorder_->Line("more words without space");
    feed->Flush().Ignore();
  }
  recorder_->Line("late words");
  ASSERT_TRUE(recorder_->Close().ok());
  EXPECT_THAT(Log(), HasSubstr("early words\n"));
  EXPECT_THAT(Log(), Not(HasSubstr("without space")));
  EXPECT_THAT(Log(), HasSubstr("could not write to its disk"));
  EXPECT_THAT(Log(), HasSubstr("late words\n"));
  EXPECT_THAT(Kinds(), ElementsAre(Kind::kNote, Kind::kWarning, Kind::kNote));
}

TEST_F(RecorderTest, AnotherAttemptGoesOnWhereACrashHasCut) {
  Open();
  vertex_.Started();
  ASSERT_TRUE(recorder_->Close().ok());
  // The crash has left half a line and half a record.
  const std::string events = *fs::ReadFile(dir_.path() + "/ca1.events");
  ASSERT_TRUE(fs::WriteFileAtomic(dir_.path() + "/ca1.events", events + events.substr(0, 5)).ok());
  ASSERT_TRUE(fs::WriteFileAtomic(dir_.path() + "/ca1.log", Log() + "#1 0.1 hal").ok());
  Open();
  recorder_->AttemptStarted(2, "the daemon was stopped");
  ASSERT_TRUE(recorder_->Close().ok());
  EXPECT_THAT(Log(), HasSubstr("#1 0.1 hal\n20"));
  EXPECT_THAT(Log(), HasSubstr("Attempt 2: the daemon was stopped\n"));
  EXPECT_THAT(Kinds(), ElementsAre(Kind::kVertexStarted, Kind::kAttemptStarted));
  EXPECT_EQ(Events()[1].sequence, 2U);
}

TEST_F(RecorderTest, NothingIsWrittenAfterTheEnd) {
  Open();
  ASSERT_TRUE(recorder_->Close().ok());
  vertex_.Started();
  EXPECT_EQ(Log(), "");
}

}  // namespace
}  // namespace slipway::logs
