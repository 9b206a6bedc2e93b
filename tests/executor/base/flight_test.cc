#include "executor/base/flight.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <stdexcept>
#include <thread>

namespace slipway {
namespace {

const Context kBackground = Context::Background();

TEST(Flight, CallsOneAfterTheOtherEachWork) {
  Flight<int> flight;
  int calls = 0;
  const auto work = [&calls]() -> Result<int> { return ++calls; };
  EXPECT_EQ(*flight.Do(kBackground, "key", work), 1);
  EXPECT_EQ(*flight.Do(kBackground, "key", work), 2);
}

// Starts a call for `key` that works until `go`, and returns once it is under way.
std::thread Leader(Flight<int>& flight, const Context& ctx, std::latch& go, Result<int> result) {
  auto under_way = std::make_shared<std::latch>(1);
  std::thread thread([&flight, ctx, &go, result, under_way] {
    flight
        .Do(ctx, "key",
            [&] {
              under_way->count_down();
              go.wait();
              return result;
            })
        .status()
        .Ignore();
  });
  under_way->wait();
  return thread;
}

TEST(Flight, WhatIsUnderWayIsFoundByHowItsKeyBegins) {
  Flight<int> flight;
  std::latch go(1);
  std::thread leader = Leader(flight, kBackground, go, 7);
  EXPECT_TRUE(flight.IsUnderWay("key"));
  EXPECT_TRUE(flight.IsUnderWay("k"));
  EXPECT_FALSE(flight.IsUnderWay("key of another"));
  EXPECT_FALSE(flight.IsUnderWay("a"));
  EXPECT_FALSE(flight.IsUnderWay("z"));
  EXPECT_TRUE(flight.Await(kBackground, "z").ok());
  const Context hurried = kBackground.Child();
  hurried.Cancel(Cancelled("no time to wait"));
  EXPECT_EQ(flight.Await(hurried, "k").code(), Code::kCancelled);
  go.count_down();
  EXPECT_TRUE(flight.Await(kBackground, "k").ok());
  leader.join();
  EXPECT_FALSE(flight.IsUnderWay("k"));
}

TEST(Flight, AFailureIsAnEndToo) {
  Flight<int> flight;
  std::latch go(1);
  std::thread leader = Leader(flight, kBackground, go, Internal("broken"));
  go.count_down();
  EXPECT_TRUE(flight.Await(kBackground, "key").ok());
  leader.join();
}

TEST(Flight, EqualCallsAtTheSameMomentShareOneWork) {
  Flight<int> flight;
  std::latch go(1);
  std::thread leader = Leader(flight, kBackground, go, 7);
  std::atomic<int> worked = 0;
  std::vector<std::thread> followers;
  for (int i = 0; i < 4; ++i) {
    followers.emplace_back([&] {
      const auto result = flight.Do(kBackground, "key", [&]() -> Result<int> {
        ++worked;
        return 7;
      });
      EXPECT_EQ(*result, 7);
    });
  }
  EXPECT_EQ(*flight.Do(kBackground, "other key", []() -> Result<int> { return 1; }), 1) << "others are not held up";
  go.count_down();
  leader.join();
  for (std::thread& follower : followers) follower.join();
  EXPECT_LE(worked, 4);  // a follower that came after the end works itself
}

TEST(Flight, AFollowerMayGiveUp) {
  Flight<int> flight;
  std::latch go(1);
  std::thread leader = Leader(flight, kBackground, go, 7);
  const Context ctx = kBackground.Child();
  ctx.Cancel(Cancelled("user"));
  EXPECT_EQ(flight.Do(ctx, "key", []() -> Result<int> { return 1; }).code(), Code::kCancelled);
  go.count_down();
  leader.join();
}

TEST(Flight, AFailureIsShared) {
  Flight<int> flight;
  std::latch go(1);
  std::thread leader = Leader(flight, kBackground, go, Unavailable("down"));
  std::thread follower([&] {
    const auto result = flight.Do(kBackground, "key", []() -> Result<int> { return Unavailable("down"); });
    EXPECT_EQ(result.status().message(), "down");
  });
  go.count_down();
  leader.join();
  follower.join();
}

TEST(Flight, TheCancellationOfTheFirstIsNotThatOfTheOthers) {
  Flight<int> flight;
  std::latch go(1);
  const Context ctx = kBackground.Child();
  std::thread leader = Leader(flight, ctx, go, Cancelled("the first gave up"));
  std::thread follower([&] { EXPECT_EQ(*flight.Do(kBackground, "key", []() -> Result<int> { return 8; }), 8); });
  ctx.Cancel(Cancelled("the first gave up"));
  go.count_down();
  leader.join();
  follower.join();
}

TEST(Flight, AnExceptionIsAFailureAndNobodyWaitsForever) {
  Flight<int> flight;
  const auto result = flight.Do(kBackground, "key", []() -> Result<int> { throw std::runtime_error("boom"); });
  EXPECT_EQ(result.code(), Code::kInternal);
  EXPECT_EQ(result.status().message(), "the work was ended by an exception: boom");
  EXPECT_EQ(*flight.Do(kBackground, "key", []() -> Result<int> { return 7; }), 7);
}

}  // namespace
}  // namespace slipway
