// StreamRunLog and StreamRunEvents over a real channel.
#include <gmock/gmock.h>

#include <thread>

#include "tests/testing/api_fixture.h"

namespace slipway::services {
namespace {

using ::testing::HasSubstr;

struct LogRead {
  std::string data;
  bool complete = false;
  v1::RunStatus status = v1::RUN_STATUS_UNSPECIFIED;
  grpc::Status result;
};

struct EventRead {
  std::vector<v1::RunEvent> events;
  v1::Run run;
  grpc::Status result;
};

class StreamsTest : public testing::ApiFixture {
 protected:
  LogRead ReadLog(const std::string& id, uint64_t offset, bool follow, const std::string& step = "") {
    v1::StreamRunLogRequest request;
    request.set_run_id(id);
    request.set_offset(offset);
    request.set_follow(follow);
    request.set_step_id(step);
    grpc::ClientContext ctx;
    ctx.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    const auto stream = runs_->StreamRunLog(&ctx, request);
    LogRead out;
    v1::StreamRunLogResponse response;
    while (stream->Read(&response)) {
      EXPECT_EQ(response.offset(), offset + out.data.size());
      out.data += response.data();
      if (response.has_complete()) {
        out.complete = response.complete();
        out.status = response.status();
      }
    }
    out.result = stream->Finish();
    return out;
  }

  EventRead ReadEvents(const std::string& id, uint64_t after, bool follow) {
    v1::StreamRunEventsRequest request;
    request.set_run_id(id);
    request.set_after_sequence(after);
    request.set_follow(follow);
    grpc::ClientContext ctx;
    ctx.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    const auto stream = runs_->StreamRunEvents(&ctx, request);
    EventRead out;
    v1::StreamRunEventsResponse response;
    while (stream->Read(&response)) {
      out.events.insert(out.events.end(), response.events().begin(), response.events().end());
      if (response.has_run()) out.run = response.run();
    }
    out.result = stream->Finish();
    return out;
  }
};

TEST_F(StreamsTest, AFinishedLogIsReadFromAnyOffset) {
  const std::string id = ScheduleRun().run_id();
  WaitForEnd(id);
  const LogRead whole = ReadLog(id, 0, true);
  EXPECT_TRUE(whole.result.ok()) << whole.result.error_message();
  EXPECT_EQ(whole.data, Log(id));
  EXPECT_TRUE(whole.complete);
  EXPECT_EQ(whole.status, v1::RUN_STATUS_SUCCEEDED);
  EXPECT_EQ(ReadLog(id, 10, false).data, whole.data.substr(10));
  EXPECT_EQ(ReadLog(id, whole.data.size(), false).data, "");
  const LogRead beyond = ReadLog(id, whole.data.size() + 1, false);
  EXPECT_EQ(beyond.result.error_code(), grpc::OUT_OF_RANGE);
  EXPECT_EQ(Reason(beyond.result), "slipway/LOG_OFFSET");
}

TEST_F(StreamsTest, TheLogOfAStepHasNoOthersLines) {
  const std::string id = ScheduleRun().run_id();
  const LogRead push = ReadLog(id, 0, true, "push");
  EXPECT_TRUE(push.result.ok()) << push.result.error_message();
  EXPECT_TRUE(push.complete);
  EXPECT_THAT(push.data, HasSubstr("Executing step ID: push."));
  EXPECT_THAT(push.data, HasSubstr("Successfully pushed image"));
  EXPECT_THAT(push.data, ::testing::Not(HasSubstr("step ID: build")));
  EXPECT_THAT(push.data, ::testing::Not(HasSubstr("was successful after")));
  EXPECT_EQ(ReadLog(id, 10, false, "push").data, push.data.substr(10));
  const LogRead none = ReadLog(id, 0, true, "test");
  EXPECT_EQ(none.result.error_code(), grpc::NOT_FOUND);
  EXPECT_EQ(Reason(none.result), "slipway/STEP_NOT_FOUND");
}

TEST_F(StreamsTest, AFollowerSeesTheLogToItsEnd) {
  builder_.CloseGate();
  const std::string id = ScheduleRun().run_id();
  std::vector<LogRead> reads(4);
  {
    std::vector<std::jthread> followers;
    for (LogRead& read : reads) followers.emplace_back([&] { read = ReadLog(id, 0, true); });
    ASSERT_TRUE(builder_.WaitForActive(1));
    builder_.OpenGate();
  }
  for (const LogRead& read : reads) {
    EXPECT_TRUE(read.result.ok()) << read.result.error_message();
    EXPECT_TRUE(read.complete);
    EXPECT_EQ(read.status, v1::RUN_STATUS_SUCCEEDED);
    EXPECT_EQ(read.data, Log(id));
  }
}

TEST_F(StreamsTest, AQueuedRunCanBeFollowed) {
  builder_.CloseGate();
  for (int i = 0; i < 2; ++i) ScheduleRun();
  ASSERT_TRUE(builder_.WaitForActive(2));
  const std::string id = ScheduleRun().run_id();
  LogRead read;
  {
    const std::jthread follower([&] { read = ReadLog(id, 0, true); });
    builder_.OpenGate();
  }
  EXPECT_THAT(read.data, HasSubstr("was successful after"));
}

TEST_F(StreamsTest, WithoutFollowALiveLogEndsWhereItIs) {
  builder_.CloseGate();
  const std::string id = ScheduleRun().run_id();
  ASSERT_TRUE(builder_.WaitForActive(1));
  const LogRead read = ReadLog(id, 0, false);
  EXPECT_TRUE(read.result.ok());
  EXPECT_FALSE(read.complete);
}

TEST_F(StreamsTest, ACanceledQueuedRunEndsItsFollowers) {
  builder_.CloseGate();
  for (int i = 0; i < 2; ++i) ScheduleRun();
  ASSERT_TRUE(builder_.WaitForActive(2));
  const std::string id = ScheduleRun().run_id();
  EventRead read;
  {
    const std::jthread follower([&] { read = ReadEvents(id, 0, true); });
    ASSERT_TRUE(dispatcher_->Cancel(id).ok());
  }
  EXPECT_EQ(read.run.status(), v1::RUN_STATUS_CANCELED);
}

TEST_F(StreamsTest, EventsAreReplayedAfterTheEnd) {
  const std::string id = ScheduleRun().run_id();
  WaitForEnd(id);
  const EventRead read = ReadEvents(id, 0, true);
  ASSERT_TRUE(read.result.ok()) << read.result.error_message();
  EXPECT_EQ(read.run.status(), v1::RUN_STATUS_SUCCEEDED);
  std::vector<v1::RunEvent::EventCase> cases;
  uint64_t last = 0;
  for (const v1::RunEvent& event : read.events) {
    EXPECT_GT(event.sequence(), last);
    last = event.sequence();
    cases.push_back(event.event_case());
  }
  ASSERT_GT(cases.size(), 6U);
  EXPECT_EQ(cases[0], v1::RunEvent::kStepStarted);
  EXPECT_EQ(cases[1], v1::RunEvent::kVertexStarted);
  EXPECT_EQ(cases[2], v1::RunEvent::kVertexLog);
  EXPECT_EQ(cases[3], v1::RunEvent::kVertexFinished);
  EXPECT_EQ(cases[4], v1::RunEvent::kStepFinished);
  EXPECT_EQ(ReadEvents(id, 3, false).events.size(), read.events.size() - 3);
}

TEST_F(StreamsTest, EventsOfALiveRunEndWithItsFinalState) {
  builder_.CloseGate();
  const std::string id = ScheduleRun().run_id();
  EventRead read;
  {
    const std::jthread follower([&] { read = ReadEvents(id, 0, true); });
    ASSERT_TRUE(builder_.WaitForActive(1));
    builder_.OpenGate();
  }
  EXPECT_TRUE(read.result.ok());
  EXPECT_EQ(read.run.status(), v1::RUN_STATUS_SUCCEEDED);
  EXPECT_GT(read.events.size(), 6U);
}

TEST_F(StreamsTest, ProgressUnderWayIsShown) {
  builder_.CloseGate();
  builder_.OnBuild([](const Context&, const builder::BuildRequest&, ProgressSink& progress) {
    VertexProgress(&progress, "v1", "x").Count("download", 5, 10);
    return Status();
  });
  const std::string id = ScheduleRun().run_id();
  v1::StreamRunEventsRequest request;
  request.set_run_id(id);
  request.set_follow(true);
  grpc::ClientContext ctx;
  ctx.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  const auto stream = runs_->StreamRunEvents(&ctx, request);
  bool seen = false;
  v1::StreamRunEventsResponse response;
  while (!seen && stream->Read(&response)) {
    for (const v1::RunEvent& event : response.events()) {
      seen |= event.has_vertex_progress() && event.sequence() == 0 && event.vertex_progress().current() == 5;
    }
  }
  EXPECT_TRUE(seen);
  ctx.TryCancel();
  stream->Finish();
}

TEST_F(StreamsTest, AStreamEndsWithItsDeadlineOrCancel) {
  builder_.CloseGate();
  const std::string id = ScheduleRun().run_id();
  ASSERT_TRUE(builder_.WaitForActive(1));
  v1::StreamRunLogRequest request;
  request.set_run_id(id);
  request.set_follow(true);
  v1::StreamRunLogResponse response;
  for (int i = 0; i < 200; ++i) {  // more than there are slots: each must be given back
    grpc::ClientContext ctx;
    const auto stream = runs_->StreamRunLog(&ctx, request);
    EXPECT_TRUE(stream->Read(&response));
    ctx.TryCancel();
    while (stream->Read(&response)) {
    }
    const grpc::Status status = stream->Finish();
    // The server may hear of a cancel a little later than the next call.
    if (status.error_code() == grpc::RESOURCE_EXHAUSTED) continue;
    EXPECT_EQ(status.error_code(), grpc::CANCELLED);
  }
  grpc::ClientContext ctx;
  ctx.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(50));
  const auto stream = runs_->StreamRunLog(&ctx, request);
  while (stream->Read(&response)) {
  }
  EXPECT_EQ(stream->Finish().error_code(), grpc::DEADLINE_EXCEEDED);
}

TEST_F(StreamsTest, TooManyFollowersAreRefused) {
  builder_.CloseGate();
  const std::string id = ScheduleRun().run_id();
  ASSERT_TRUE(builder_.WaitForActive(1));
  v1::StreamRunLogRequest request;
  request.set_run_id(id);
  request.set_follow(true);
  struct Call {
    grpc::ClientContext ctx;
    std::unique_ptr<grpc::ClientReader<v1::StreamRunLogResponse>> stream;
  };
  std::vector<std::unique_ptr<Call>> calls;
  v1::StreamRunLogResponse response;
  for (int i = 0; i < 50; ++i) {
    auto call = std::make_unique<Call>();
    call->stream = runs_->StreamRunLog(&call->ctx, request);
    ASSERT_TRUE(call->stream->Read(&response)) << i;
    calls.push_back(std::move(call));
  }
  EXPECT_EQ(Reason(ReadLog(id, 0, true).result), "slipway/TOO_MANY_STREAMS");
  for (const auto& call : calls) call->ctx.TryCancel();
  for (const auto& call : calls) call->stream->Finish();
}

TEST_F(StreamsTest, UnknownRunsHaveNoStreams) {
  EXPECT_EQ(ReadLog("ca99", 0, true).result.error_code(), grpc::NOT_FOUND);
  EXPECT_EQ(ReadEvents("ca99", 0, true).result.error_code(), grpc::NOT_FOUND);
  EXPECT_EQ(ReadLog("../x", 0, true).result.error_code(), grpc::INVALID_ARGUMENT);
}

TEST_F(StreamsTest, AShutdownEndsFollowers) {
  builder_.CloseGate();
  const std::string id = ScheduleRun().run_id();
  ASSERT_TRUE(builder_.WaitForActive(1));
  v1::StreamRunLogRequest request;
  request.set_run_id(id);
  request.set_follow(true);
  grpc::ClientContext ctx;
  const auto stream = runs_->StreamRunLog(&ctx, request);
  v1::StreamRunLogResponse response;
  ASSERT_TRUE(stream->Read(&response));
  runs_service_->EndStreams();
  while (stream->Read(&response)) {
  }
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::UNAVAILABLE);
  EXPECT_EQ(Reason(status), "slipway/SHUTTING_DOWN");
  server_->Shutdown(std::chrono::milliseconds(10));
}

}  // namespace
}  // namespace slipway::services
