#include "daemon/store/run.h"

#include <gtest/gtest.h>

namespace slipway::store {
namespace {

constexpr RunState kAll[] = {RunState::kQueued, RunState::kStarted,  RunState::kRunning, RunState::kSucceeded,
                             RunState::kFailed, RunState::kCanceled, RunState::kError,   RunState::kTimeout};

TEST(RunState, FinalStatesNeverChange) {
  for (const RunState from : kAll) {
    for (const RunState to : kAll) {
      EXPECT_FALSE(IsFinal(from) && CanMove(from, to)) << StateName(from) << " " << StateName(to);
    }
  }
}

TEST(RunState, TheUsualWayIsOpen) {
  EXPECT_TRUE(CanMove(RunState::kQueued, RunState::kStarted));
  EXPECT_TRUE(CanMove(RunState::kStarted, RunState::kRunning));
  EXPECT_TRUE(CanMove(RunState::kRunning, RunState::kSucceeded));
  EXPECT_FALSE(CanMove(RunState::kQueued, RunState::kRunning));
  EXPECT_FALSE(CanMove(RunState::kStarted, RunState::kSucceeded));
  EXPECT_FALSE(CanMove(RunState::kQueued, RunState::kSucceeded));
}

TEST(RunState, ActiveRunsMayBeQueuedAgain) {
  EXPECT_TRUE(CanMove(RunState::kStarted, RunState::kQueued));
  EXPECT_TRUE(CanMove(RunState::kRunning, RunState::kQueued));
  EXPECT_FALSE(CanMove(RunState::kQueued, RunState::kQueued));
}

TEST(RunState, NamesAreReadBack) {
  for (const RunState state : kAll) EXPECT_EQ(ParseState(StateName(state)), state);
  EXPECT_FALSE(ParseState("queued"));
}

TEST(RunId, CountsInBase36) {
  EXPECT_EQ(MakeRunId("ca", 1), "ca1");
  EXPECT_EQ(MakeRunId("ca", 35), "caz");
  EXPECT_EQ(MakeRunId("ca", 36), "ca10");
  EXPECT_EQ(MakeRunId("ca", INT64_MAX).size(), 15U);
}

TEST(RunId, HasThreeToTwelveLowerCaseCharacters) {
  for (const char* good : {"ca1", "zz0", "cf1234567890"}) EXPECT_TRUE(IsRunId(good)) << good;
  for (const char* bad : {"", "ca", "CA1", "ca-1", "cf12345678901", "../x", "ca1\n"}) EXPECT_FALSE(IsRunId(bad)) << bad;
}

}  // namespace
}  // namespace slipway::store
