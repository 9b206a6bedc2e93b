#include "cli/run_follower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "tests/cli/events.h"
#include "tests/cli/folder.h"
#include "tests/testing/fake_server.h"

namespace slipway::cli {
namespace {

using ::testing::HasSubstr;

class RunFollowerTest : public ::testing::Test {
 protected:
  RunFollowerTest() {
    server_.OnSchedule([](const std::string&) {});  // the test moves the run
    connection_ = std::move(Connection::Open(server_.address())).value();
    v1::ScheduleRunRequest request;
    request.mutable_docker_build()->set_source_location("/dev/null");
    Call call(Context::Background(), kCallTimeout);
    v1::Run run;
    EXPECT_TRUE(connection_->runs().ScheduleRun(call.context(), request, &run).ok());
  }

  RunFollower Follower(std::chrono::nanoseconds give_up = kGiveUpAfter) {
    return {*connection_, "ca1", [this](std::string_view text) { notes_ += std::string(text) + "\n"; }, true, give_up};
  }

  // What the follower printed so far.
  std::string Log() {
    const std::lock_guard lock(mutex_);
    return log_;
  }
  std::function<void(std::string_view)> Sink() {
    return [this](std::string_view data) {
      const std::lock_guard lock(mutex_);
      log_ += data;
    };
  }

  Folder folder_;
  testing::FakeServer server_{"unix:" + folder_.At("s")};
  std::unique_ptr<Connection> connection_;
  std::mutex mutex_;
  std::string log_;
  std::string notes_;
};

TEST_F(RunFollowerTest, LogGoesToItsEnd) {
  server_.AppendLog("ca1", "a first line that takes more than one message\n");
  std::jthread script([this] {
    server_.WaitFor([this] { return Log().size() == 46; });
    server_.AppendLog("ca1", "second\n");
    server_.SetStatus("ca1", v1::RUN_STATUS_FAILED);
  });
  const auto status = Follower().Log(Context::Background(), true, Sink());
  ASSERT_TRUE(status.ok()) << status.status().ToString();
  EXPECT_EQ(*status, v1::RUN_STATUS_FAILED);
  EXPECT_EQ(Log(), "a first line that takes more than one message\nsecond\n");
  EXPECT_EQ(notes_, "");
}

TEST_F(RunFollowerTest, LogGoesOnWhereItWasCutOff) {
  server_.AppendLog("ca1", "before\n");
  std::jthread script([this] {
    server_.WaitFor([this] { return Log() == "before\n"; });
    server_.BreakStreams();
    server_.WaitFor([this] { return server_.streams_begun() == 2; });
    server_.AppendLog("ca1", "after\n");
    server_.SetStatus("ca1", v1::RUN_STATUS_SUCCEEDED);
  });
  const auto status = Follower().Log(Context::Background(), true, Sink());
  ASSERT_TRUE(status.ok()) << status.status().ToString();
  EXPECT_EQ(*status, v1::RUN_STATUS_SUCCEEDED);
  EXPECT_EQ(Log(), "before\nafter\n");
  EXPECT_THAT(notes_, HasSubstr("lost"));
}

TEST_F(RunFollowerTest, DaemonThatIsStartedAgainIsFoundAgain) {
  server_.AppendLog("ca1", "before\n");
  std::jthread script([this] {
    server_.WaitFor([this] { return Log() == "before\n"; });
    server_.Stop();
    server_.AppendLog("ca1", "after\n");
    server_.SetStatus("ca1", v1::RUN_STATUS_SUCCEEDED);
    server_.Start();
  });
  const auto status = Follower().Log(Context::Background(), true, Sink());
  ASSERT_TRUE(status.ok()) << status.status().ToString();
  EXPECT_EQ(Log(), "before\nafter\n");
}

TEST_F(RunFollowerTest, GivesUpInWords) {
  server_.Stop();
  const auto status = Follower(std::chrono::milliseconds(300)).Log(Context::Background(), true, Sink());
  EXPECT_EQ(status.code(), Code::kUnavailable);
  EXPECT_THAT(status.status().message(), HasSubstr("gave up"));
  EXPECT_THAT(status.status().message(), HasSubstr("slipway show ca1"));
}

TEST_F(RunFollowerTest, UnknownRunIsNotTriedAgain) {
  RunFollower follower(
      *connection_, "zz9", [](std::string_view) {}, true);
  const auto status = follower.Log(Context::Background(), true, Sink());
  EXPECT_EQ(status.code(), Code::kNotFound);
}

TEST_F(RunFollowerTest, FirstCallThatFailsIsTheLastOneWhereTheDaemonNeverAnswered) {
  server_.Stop();
  RunFollower follower(
      *connection_, "ca1", [](std::string_view) {}, false);
  EXPECT_EQ(follower.Log(Context::Background(), true, Sink()).code(), Code::kUnavailable);
}

TEST_F(RunFollowerTest, WithoutFollowTheLogEndsWithWhatThereIs) {
  server_.AppendLog("ca1", "so far\n");
  const auto status = Follower().Log(Context::Background(), false, Sink());
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(*status, v1::RUN_STATUS_UNSPECIFIED);
  EXPECT_EQ(Log(), "so far\n");
}

TEST_F(RunFollowerTest, EventsComeOnceOverABrokenConnection) {
  server_.AddEvent("ca1", Started(1, "a", "A"));
  std::atomic<int> seen = 0;
  std::jthread script([&] {
    server_.WaitFor([&] { return seen == 1; });
    server_.BreakStreams();
    server_.WaitFor([this] { return server_.streams_begun() == 2; });
    server_.AddEvent("ca1", Finished(2, "a"));
    server_.SetStatus("ca1", v1::RUN_STATUS_SUCCEEDED);
  });
  const auto run = Follower().Events(Context::Background(), false,
                                     [&](const v1::StreamRunEventsResponse& r) { seen += r.events_size(); });
  ASSERT_TRUE(run.ok()) << run.status().ToString();
  EXPECT_EQ(run->status(), v1::RUN_STATUS_SUCCEEDED);
  EXPECT_EQ(seen, 2);
}

TEST_F(RunFollowerTest, StatesOnlyBringsNoEvents) {
  server_.AddEvent("ca1", Started(1, "a", "A"));
  server_.SetStatus("ca1", v1::RUN_STATUS_TIMEOUT);
  int seen = 0;
  const auto run = Follower().Events(Context::Background(), true,
                                     [&](const v1::StreamRunEventsResponse& r) { seen += r.events_size(); });
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->status(), v1::RUN_STATUS_TIMEOUT);
  EXPECT_EQ(seen, 0);
}

// A daemon whose streams say what they know and end well, though the run has not ended.
class EarlyEnd : public v1::Runs::Service {
 public:
  explicit EarlyEnd(const std::string& address) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials());
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  grpc::Status StreamRunLog(grpc::ServerContext*, const v1::StreamRunLogRequest* request,
                            grpc::ServerWriter<v1::StreamRunLogResponse>* writer) override {
    ++streams;
    v1::StreamRunLogResponse response;
    response.set_offset(request->offset());
    response.set_status(v1::RUN_STATUS_RUNNING);
    writer->Write(response);
    return grpc::Status::OK;
  }
  grpc::Status StreamRunEvents(grpc::ServerContext*, const v1::StreamRunEventsRequest*,
                               grpc::ServerWriter<v1::StreamRunEventsResponse>* writer) override {
    ++streams;
    v1::StreamRunEventsResponse response;
    response.mutable_run()->set_status(v1::RUN_STATUS_RUNNING);
    writer->Write(response);
    return grpc::Status::OK;
  }

  std::atomic<int> streams = 0;

 private:
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(RunFollowerTest, StreamsThatEndEarlyWithNothingNewAreGivenUp) {
  const std::string address = "unix:" + folder_.At("early");
  EarlyEnd daemon(address);
  const auto connection = *Connection::Open(address);
  RunFollower follower(
      *connection, "ca1", [](std::string_view) {}, true, std::chrono::milliseconds(300));
  EXPECT_EQ(follower.Log(Context::Background(), true, Sink()).code(), Code::kUnavailable);
  // At once, after 100 ms and 200 ms later, when the time is over.
  EXPECT_LE(daemon.streams, 3);
  daemon.streams = 0;
  const auto run = follower.Events(Context::Background(), false, [](const v1::StreamRunEventsResponse&) {});
  EXPECT_THAT(run.status().message(), HasSubstr("gave up"));
  EXPECT_LE(daemon.streams, 4) << "the first one brings the state";
}

TEST_F(RunFollowerTest, EndsWhenCanceled) {
  const Context ctx = Context::Background().Child();
  std::jthread script([&] {
    server_.WaitFor([this] { return server_.streams_begun() == 1; });
    ctx.Cancel(Cancelled("interrupted"));
  });
  EXPECT_EQ(Follower().Log(ctx, true, Sink()).code(), Code::kCancelled);
}

}  // namespace
}  // namespace slipway::cli
