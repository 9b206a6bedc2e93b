#include "executor/registry/retry.h"

#include <gtest/gtest.h>

namespace slipway::registry {
namespace {

using std::chrono::milliseconds;

TEST(RetryAfter, SecondsAndDates) {
  // 1994-11-06 08:49:37 UTC.
  const SystemTime now = std::chrono::system_clock::from_time_t(784111777);
  EXPECT_EQ(ParseRetryAfter("120", now), milliseconds(120'000));
  EXPECT_EQ(ParseRetryAfter("0", now), milliseconds(0));
  EXPECT_EQ(ParseRetryAfter("-5", now), milliseconds(0));
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 1994 08:50:07 GMT", now), milliseconds(30'000));
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 1994 08:00:00 GMT", now), milliseconds(0)) << "in the past";
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 1994 08:50:07 GMT", now - milliseconds(500)), milliseconds(30'500));
}

TEST(RetryAfter, CenturiesAreCut) {
  const SystemTime now = std::chrono::system_clock::from_time_t(784111777);
  EXPECT_EQ(ParseRetryAfter("99999999999", now), milliseconds(1'000'000'000));
  EXPECT_EQ(ParseRetryAfter("Fri, 31 Dec 9999 23:59:59 GMT", now), milliseconds(1'000'000'000));
  EXPECT_EQ(ParseRetryAfter("Mon, 01 Jan 1500 00:00:00 GMT", now), milliseconds(0));
}

TEST(RetryAfter, JunkIsPassedOver) {
  for (const char* text : {"", "soon", "12x", "Sun, 06 Nov", "99999999999999999999"}) {
    EXPECT_EQ(ParseRetryAfter(text, SystemTime()), std::nullopt) << text;
  }
}

TEST(Backoff, DoublesUpToTheLongestAndIsPartlyRandom) {
  RetryPolicy policy;
  policy.first_delay = milliseconds(100);
  policy.max_delay = milliseconds(350);
  const std::vector<milliseconds> full = {milliseconds(100), milliseconds(200), milliseconds(350), milliseconds(350)};
  for (int next = 2; next < 6; ++next) {
    const auto expected = full[static_cast<size_t>(next) - 2];
    for (int i = 0; i < 20; ++i) {
      EXPECT_LE(BackoffDelay(policy, next), expected);
      EXPECT_GE(BackoffDelay(policy, next), expected * 3 / 4);
    }
  }
  EXPECT_LE(BackoffDelay(policy, 1'000'000), milliseconds(350));
}

// Attempts that fail as told, with no waiting.
struct Script {
  int Run(const std::function<Attempt(int)>& attempt, const std::function<uint64_t()>& position = nullptr) {
    RetryPolicy policy;
    policy.sleep = [](const Context&, std::chrono::nanoseconds) { return Status(); };
    int count = 0;
    WithRetry(
        Context::Background(), policy, Clock::Real(), [&] { return attempt(++count); }, position);
    return count;
  }
};

TEST(WithRetry, OnlyWhatMayPassIsTriedAgain) {
  const auto status = [](int code) {
    return [code](int) { return Attempt{.result = http::Response{.status = code}}; };
  };
  for (const int code : {408, 429, 500, 502, 503, 504}) EXPECT_EQ(Script().Run(status(code)), 5) << code;
  for (const int code : {200, 201, 304, 400, 401, 403, 404, 416, 501}) EXPECT_EQ(Script().Run(status(code)), 1) << code;
  EXPECT_EQ(Script().Run([](int) { return Attempt{.result = Unavailable("x")}; }), 5);
  EXPECT_EQ(Script().Run([](int) { return Attempt{.result = NotFound("host")}; }), 2);
  EXPECT_EQ(Script().Run([](int) { return Attempt{.result = FailedPrecondition("tls")}; }), 1);
  EXPECT_EQ(Script().Run([](int) { return Attempt{.result = Unavailable("x"), .is_final = true}; }), 1);
}

TEST(WithRetry, AServerCannotMakeTheWaitsShorter) {
  for (const char* asked : {"0", "-1", "Sun, 06 Nov 1994 08:49:37 GMT"}) {
    std::vector<std::chrono::nanoseconds> delays;
    RetryPolicy policy;
    policy.sleep = [&](const Context&, std::chrono::nanoseconds delay) {
      delays.push_back(delay);
      return Status();
    };
    const auto refuse = [&] {
      return Attempt{.result = http::Response{.status = 429, .headers = {{"Retry-After", asked}}}};
    };
    WithRetry(Context::Background(), policy, Clock::Real(), refuse, nullptr);
    ASSERT_EQ(delays.size(), 4U) << asked;
    for (size_t i = 0; i < delays.size(); ++i) EXPECT_GE(delays[i], milliseconds(150) * (1 << i)) << asked;
  }
}

TEST(WithRetry, GoodProgressEarnsNewAttemptsAndCrumbsDoNot) {
  uint64_t position = 0;
  const auto at = [&] { return position; };
  const int good = Script().Run(
      [&](int count) {
        if (count <= 10) position += 2U << 20;
        return Attempt{.result = Unavailable("dropped")};
      },
      at);
  EXPECT_EQ(good, 14);
  position = 0;
  const int crumbs = Script().Run(
      [&](int) {
        position += 10;
        return Attempt{.result = Unavailable("dropped")};
      },
      at);
  EXPECT_EQ(crumbs, 5);
}

}  // namespace
}  // namespace slipway::registry
