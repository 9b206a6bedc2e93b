#include "executor/registry/retry.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <random>

namespace slipway::registry {

namespace {

constexpr int kUnknownHostAttempts = 2;
// A longer wait that a server asks for is taken for this one.
constexpr std::chrono::seconds kLongestAsked{1'000'000};
// Progress that earns a transfer fresh attempts. Not less, or a server could keep us busy byte by byte.
constexpr uint64_t kGoodProgress = 1U << 20;

double RandomPart() {
  thread_local std::minstd_rand engine{std::random_device{}()};
  return std::uniform_real_distribution<double>(0.0, 1.0)(engine);
}

int AttemptsFor(const RetryPolicy& policy, const Result<http::Response>& result) {
  // A name that does not resolve is most often mistyped, so it is asked for only once more.
  const bool unknown_host = result.code() == Code::kNotFound;
  return unknown_host ? std::min(policy.attempts, kUnknownHostAttempts) : policy.attempts;
}

bool MayPass(const Result<http::Response>& result) {
  if (result.ok()) return IsPassingStatus(result->status);
  return result.code() == Code::kUnavailable || result.code() == Code::kNotFound;
}

}  // namespace

std::optional<std::chrono::milliseconds> ParseRetryAfter(std::string_view text, SystemTime now) {
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc() && end == text.data() + text.size()) {
    return std::chrono::seconds(std::clamp<int64_t>(seconds, 0, kLongestAsked.count()));
  }
  std::tm parts{};
  const std::string copy(text);
  const char* rest = ::strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (rest == nullptr || *rest != '\0') return std::nullopt;
  // Cut while it is in seconds: the nanoseconds of a date some centuries ahead do not fit.
  const std::chrono::sys_seconds date{std::chrono::seconds(::timegm(&parts))};
  const auto first = std::chrono::floor<std::chrono::seconds>(now);
  const SystemTime at = std::clamp(date, first, first + kLongestAsked);
  return std::max(std::chrono::milliseconds(0), std::chrono::ceil<std::chrono::milliseconds>(at - now));
}

bool IsPassingStatus(int status) {
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

std::chrono::nanoseconds BackoffDelay(const RetryPolicy& policy, int next) {
  std::chrono::nanoseconds delay = policy.first_delay;
  for (int i = 2; i < next && delay < policy.max_delay; ++i) delay *= 2;
  delay = std::min<std::chrono::nanoseconds>(delay, policy.max_delay);
  return std::chrono::nanoseconds(
      static_cast<int64_t>(static_cast<double>(delay.count()) * (0.75 + 0.25 * RandomPart())));
}

RetryOutcome WithRetry(const Context& ctx, const RetryPolicy& policy, const Clock& clock,
                       const std::function<Attempt()>& once, const std::function<uint64_t()>& position) {
  uint64_t last_position = position ? position() : 0;
  int counted = 1;
  for (int attempt = 1;; ++attempt, ++counted) {
    Attempt outcome = once();
    if (Status err = ctx.Err(); !err.ok()) return {.last = {.result = std::move(err)}, .attempts = attempt};
    if (position && position() >= last_position + kGoodProgress) {
      last_position = position();
      counted = 1;
    }
    if (outcome.is_final || !MayPass(outcome.result) || counted >= AttemptsFor(policy, outcome.result)) {
      return {.last = std::move(outcome), .attempts = attempt};
    }
    std::chrono::nanoseconds delay = BackoffDelay(policy, counted + 1);
    if (outcome.result.ok()) {
      // A server may ask for more patience than we have of our own, not for less: "0" would use all attempts at once.
      const auto asked = ParseRetryAfter(outcome.result->headers.Get("Retry-After"), clock.System());
      if (asked) delay = std::max<std::chrono::nanoseconds>(delay, std::min(*asked, policy.max_retry_after));
    }
    const Status slept = policy.sleep ? policy.sleep(ctx, delay) : ctx.Sleep(delay);
    if (!slept.ok()) return {.last = {.result = slept}, .attempts = attempt};
  }
}

}  // namespace slipway::registry
