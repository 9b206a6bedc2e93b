#include "daemon/logs/log_text.h"

#include <gtest/gtest.h>

#include "executor/base/status.h"

namespace slipway::logs {
namespace {

using Kind = RunEvent::Kind;

const SystemTime kStart = *ParseTime("2019-05-03T03:03:31Z");

RunEvent Make(Kind kind, std::string vertex = "", std::string text = "", int millis = 0) {
  RunEvent event;
  event.kind = kind;
  event.vertex = std::move(vertex);
  event.text = std::move(text);
  event.time = kStart + std::chrono::milliseconds(millis);
  return event;
}

class LogTextTest : public ::testing::Test {
 protected:
  LogTextTest() { Start("a", 5); }

  void Start(const std::string& vertex, uint64_t number) {
    RunEvent event = Make(Kind::kVertexStarted, vertex);
    event.name = "[1/2] RUN make";
    event.number = number;
    log_ += text_.Render(event);
  }
  void Add(const RunEvent& event) { log_ += text_.Render(event); }
  void Output(const std::string& text, int millis = 0, int stream = 1) {
    RunEvent event = Make(Kind::kVertexLog, "a", text, millis);
    event.number = static_cast<uint64_t>(stream);
    Add(event);
  }
  void Finish(Code code, const std::string& text, int millis) {
    RunEvent event = Make(Kind::kVertexFinished, "a", text, millis);
    event.code = static_cast<int>(code);
    Add(event);
  }

  LogText text_;
  std::string log_;
};

TEST_F(LogTextTest, LinesOfTheDaemonCarryATime) {
  EXPECT_EQ(text_.Render(Make(Kind::kNote, "", "Pushing image: x")), "2019/05/03 03:03:31 Pushing image: x\n");
  RunEvent step = Make(Kind::kStepStarted);
  step.name = "build";
  step.number = 28800;
  EXPECT_EQ(text_.Render(step), "2019/05/03 03:03:31 Executing step ID: build. Timeout(sec): 28800\n");
  step = Make(Kind::kStepFinished);
  step.name = "build";
  step.nanos = 7'425'169'000;
  EXPECT_EQ(text_.Render(step),
            "2019/05/03 03:03:31 Step ID: build marked as successful (elapsed time in seconds: 7.425169)\n");
}

TEST_F(LogTextTest, AVertexIsShownUnderItsNumber) {
  Output("hello\nwor", 213);
  Output("ld\n", 500);
  Finish(Code::kOk, "", 1400);
  EXPECT_EQ(log_, "#5 [1/2] RUN make\n#5 0.213 hello\n#5 0.500 world\n#5 DONE 1.4s\n\n");
}

TEST_F(LogTextTest, BothStreamsHaveLinesOfTheirOwn) {
  Output("out", 0, 1);
  Output("err\n", 0, 2);
  Output("put\n", 0, 1);
  EXPECT_EQ(log_, "#5 [1/2] RUN make\n#5 0.000 err\n#5 0.000 output\n");
}

TEST_F(LogTextTest, AnUnfinishedLineIsShownAtTheEnd) {
  Output("no newline", 100);
  Finish(Code::kFailedPrecondition, "process \"make\" failed: exit code: 2", 200);
  EXPECT_EQ(log_, "#5 [1/2] RUN make\n#5 0.200 no newline\n#5 ERROR: process \"make\" failed: exit code: 2\n\n");
}

TEST_F(LogTextTest, CachedVerticesSayNothingElse) {
  Add(Make(Kind::kVertexCached, "a"));
  Finish(Code::kOk, "", 0);
  EXPECT_EQ(log_, "#5 [1/2] RUN make\n#5 CACHED\n\n");
}

TEST_F(LogTextTest, CanceledVerticesAreNoErrors) {
  Finish(Code::kCancelled, "canceled", 0);
  EXPECT_EQ(log_, "#5 [1/2] RUN make\n#5 CANCELED\n\n");
}

TEST_F(LogTextTest, ProgressIsOneLine) {
  RunEvent event = Make(Kind::kVertexProgress, "a");
  event.name = "transfer context";
  event.current = 2'300'000;
  event.total = 2'300'000;
  EXPECT_EQ(text_.Render(event), "#5 transfer context 2.3 MB / 2.3 MB\n");
}

TEST_F(LogTextTest, WarningsSayWhatAndWhere) {
  RunEvent event = Make(Kind::kWarning, "", "LegacyKeyValueFormat");
  event.name = "Dockerfile:3\nuse ENV key=value";
  EXPECT_EQ(text_.Render(event),
            "2019/05/03 03:03:31 WARNING: LegacyKeyValueFormat\n  Dockerfile:3\n  use ENV key=value\n");
}

TEST_F(LogTextTest, AnEndlessLineIsCut) {
  Output(std::string(40'000, 'x'));
  EXPECT_GT(std::count(log_.begin(), log_.end(), '\n'), 2);
  EXPECT_LT(text_.Finish().size(), 20'000U);
}

TEST_F(LogTextTest, CarriageReturnsBeforeTheEndOfALineGo) {
  Output("windows\r\n");
  EXPECT_EQ(log_, "#5 [1/2] RUN make\n#5 0.000 windows\n");
}

// Lines of tasks say of which step they are.
class NamedStepsTest : public ::testing::Test {
 protected:
  static RunEvent Of(Kind kind, const std::string& vertex, const std::string& text = "") {
    RunEvent event = Make(kind, vertex, text);
    event.step = "test";
    event.name = "name";
    event.number = kind == Kind::kVertexLog ? 1 : 7;
    return event;
  }
  static std::string Written(LogText text) {
    std::string log;
    for (const RunEvent& event : {Of(Kind::kVertexStarted, "test"), Of(Kind::kVertexLog, "test", "one\ntw"),
                                  Of(Kind::kVertexStarted, "test/pull"), Of(Kind::kVertexLog, "test/pull", "layer\n"),
                                  Of(Kind::kVertexLog, "test", "o\n"), Of(Kind::kVertexFinished, "test")}) {
      log += text.Render(event);
    }
    return log;
  }
};

TEST_F(NamedStepsTest, ALineBeginsWithItsStep) {
  LogText text;
  text.NameSteps();
  EXPECT_EQ(Written(std::move(text)), "[test] one\n[test] #7 name\n[test] #7 0.000 layer\n[test] two\n");
}

TEST_F(NamedStepsTest, OfOneStepAloneItNeedsNoName) {
  LogText text;
  text.ForOneStep();
  EXPECT_EQ(Written(std::move(text)), "one\n#7 name\n#7 0.000 layer\ntwo\n");
}

}  // namespace
}  // namespace slipway::logs
