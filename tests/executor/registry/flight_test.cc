#include "executor/registry/flight.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <stdexcept>
#include <thread>

#include "executor/registry/limiter.h"

namespace slipway::registry {
namespace {

const Context kContext = Context::Background();

TEST(Flights, DifferentKeysAndLaterCallsRunOnTheirOwn) {
  Flights<int> flights;
  int runs = 0;
  const auto work = [&]() -> Result<int> { return ++runs; };
  EXPECT_EQ(*flights.Do(kContext, "a", work), 1);
  EXPECT_EQ(*flights.Do(kContext, "b", work), 2);
  EXPECT_EQ(*flights.Do(kContext, "a", work), 3);
}

TEST(Flights, AnExceptionIsAFailureAndNobodyWaitsForever) {
  Flights<int> flights;
  EXPECT_EQ(flights.Do(kContext, "a", []() -> Result<int> { throw std::runtime_error("boom"); }).code(),
            Code::kInternal);
  EXPECT_EQ(*flights.Do(kContext, "a", []() -> Result<int> { return 7; }), 7);
}

TEST(Flights, AFailureIsSharedToo) {
  Flights<int> flights;
  std::latch started(1);
  std::latch go(1);
  std::jthread leader([&] {
    const auto result = flights.Do(kContext, "k", [&]() -> Result<int> {
      started.count_down();
      go.wait();
      return NotFound("nothing there");
    });
    EXPECT_EQ(result.code(), Code::kNotFound);
  });
  started.wait();
  std::jthread follower([&] {
    bool led = true;
    const auto result = flights.Do(
        kContext, "k", []() -> Result<int> { return NotFound("nothing there"); }, &led);
    EXPECT_EQ(result.code(), Code::kNotFound);
  });
  go.count_down();
}

TEST(Flights, ACancelledLeaderHandsOver) {
  Flights<int> flights;
  std::latch started(1);
  std::latch go(1);
  std::jthread leader([&] {
    const auto result = flights.Do(kContext, "k", [&]() -> Result<int> {
      started.count_down();
      go.wait();
      return Cancelled("the leader's user asked for it");
    });
    EXPECT_EQ(result.code(), Code::kCancelled);
  });
  started.wait();
  std::jthread follower([&] {
    const auto result = flights.Do(kContext, "k", []() -> Result<int> { return 42; });
    ASSERT_TRUE(result.ok()) << result.status().message();
    EXPECT_EQ(*result, 42);
  });
  go.count_down();
}

TEST(Flights, AFollowerCanLeaveEarly) {
  Flights<int> flights;
  std::latch started(1);
  std::latch go(1);
  std::jthread leader([&] {
    EXPECT_TRUE(flights
                    .Do(kContext, "k",
                        [&]() -> Result<int> {
                          started.count_down();
                          go.wait();
                          return 1;
                        })
                    .ok());
  });
  started.wait();
  const Context ctx = kContext.Child();
  ctx.Cancel(Cancelled("enough"));
  EXPECT_EQ(flights.Do(ctx, "k", []() -> Result<int> { return 2; }).code(), Code::kCancelled);
  go.count_down();
}

TEST(Limiter, PlacesAreGivenBackAndHostsDoNotMix) {
  Limiter limiter(1);
  const Context cancelled = kContext.Child();
  cancelled.Cancel(Cancelled("enough"));
  {
    const auto a = limiter.Enter(kContext, "a");
    ASSERT_TRUE(a.ok());
    EXPECT_TRUE(limiter.Enter(kContext, "b").ok());
    EXPECT_EQ(limiter.Enter(cancelled, "a").code(), Code::kCancelled);
  }
  EXPECT_TRUE(limiter.Enter(kContext, "a").ok());
}

}  // namespace
}  // namespace slipway::registry
