#include "daemon/notify/outbox.h"

#include <algorithm>
#include <random>

#include "daemon/notify/cloud_event.h"
#include "daemon/notify/commit_status.h"
#include "executor/base/log.h"

namespace slipway::notify {

namespace {

using std::chrono::seconds;

constexpr seconds kFirstPause{5};
constexpr seconds kLongestPause{3600};
constexpr std::chrono::hours kGiveUp{24};
constexpr seconds kAnswerWithin{10};
constexpr seconds kTransferWithin{30};
constexpr size_t kAtOnce = 50;
constexpr uint64_t kMostAnswer = 64U << 10;
// How long a lane sleeps at most: a clock that jumps must not keep it asleep.
constexpr seconds kLongestSleep{60};
constexpr seconds kAfterTrouble{10};  // with the store

// What people need of an answer to see what is wrong.
std::string Excerpt(const std::string& body) {
  constexpr size_t kMost = 200;
  std::string out;
  for (const char c : body.substr(0, kMost)) out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  return out;
}

std::string ErrorText(const http::Response& response) {
  const std::string excerpt = Excerpt(response.body);
  return fmt::format("HTTP {}{}{}", response.status, excerpt.empty() ? "" : ": ", excerpt);
}

// Whether a git host's refusal may pass by itself. 403 is also how GitHub says that too much was asked.
bool MayPass(const http::Response& response) {
  if (response.status >= 500 || response.status == 429 || response.status == 408) return true;
  return response.status == 403 &&
         (response.headers.Has("Retry-After") || response.headers.Get("x-ratelimit-remaining") == "0");
}

}  // namespace

Outbox::Outbox(Parts parts) : parts_(std::move(parts)) {
  lanes_.emplace_back(kStatusLane);
  for (const Target& target : parts_.targets) {
    std::string lane = LaneOf(target);
    if (std::find(lanes_.begin(), lanes_.end(), lane) == lanes_.end()) lanes_.push_back(std::move(lane));
  }
}

Outbox::~Outbox() {
  ctx_.Cancel(Cancelled("the daemon is stopping"));
  for (std::thread& thread : threads_) thread.join();
}

Status Outbox::Start() {
  SLIPWAY_RETURN_IF_ERROR(parts_.store.EndLanes(lanes_, "the configuration names this receiver no more"));
  for (const std::string& lane : lanes_) threads_.emplace_back([this, lane] { Work(lane); });
  return Status();
}

void Outbox::Wake() {
  {
    const std::lock_guard lock(mutex_);
    ++wakes_;
  }
  changed_.notify_all();
}

void Outbox::Work(const std::string& lane) {
  uint64_t seen = 0;
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      seen = wakes_;
    }
    const std::optional<SystemTime> next = SendDue(lane);
    if (ctx_.Done()) return;
    std::chrono::nanoseconds sleep = kLongestSleep;
    if (next) {
      sleep = std::clamp<std::chrono::nanoseconds>(*next - parts_.clock.System(), std::chrono::milliseconds(1),
                                                   kLongestSleep);
    }
    const Context pause = ctx_.WithTimeout(sleep, "the pause");
    std::unique_lock lock(mutex_);
    pause.Wait(lock, changed_, [&] { return wakes_ != seen; }).Ignore();
    if (ctx_.Done()) return;
  }
}

std::optional<SystemTime> Outbox::SendDue(const std::string& lane) {
  Status status;
  while (status.ok()) {
    const Result<std::vector<store::Notification>> due = parts_.store.Due(lane, parts_.clock.System(), kAtOnce);
    status = due.status();
    if (!due.ok() || due->empty()) break;
    for (const store::Notification& notification : *due) {
      status = SendOne(notification);
      if (ctx_.Done()) return std::nullopt;
      if (!status.ok()) break;
    }
  }
  Result<std::optional<SystemTime>> next = parts_.store.NextTime(lane);
  if (status.ok()) status = next.status();
  if (status.ok()) return *next;
  spdlog::error("notifications: {}", status.message());
  return parts_.clock.System() + kAfterTrouble;
}

Status Outbox::SendOne(const store::Notification& notification) {
  SLIPWAY_ASSIGN_OR_RETURN(const bool old, parts_.store.HasNewer(notification));
  if (old) return parts_.store.SetSent(notification.number, "left out, since a newer one was to be sent");
  const Outcome outcome = Attempt(notification);
  if (ctx_.Done()) return Status();  // it stays as it is for the next start
  return Record(notification, outcome);
}

Result<http::Request> Outbox::MakeRequest(const store::Notification& notification) const {
  http::Request request;
  if (notification.lane == kStatusLane) {
    SLIPWAY_ASSIGN_OR_RETURN(const StatusOwner owner, OwnerOf(notification.content));
    SLIPWAY_ASSIGN_OR_RETURN(const std::string token, parts_.status_token(owner.task, owner.trigger));
    if (token.empty()) {
      return FailedPrecondition("trigger '{}' of task '{}' has no status token any more", owner.trigger, owner.task);
    }
    SLIPWAY_ASSIGN_OR_RETURN(request, StatusRequest(notification.content, token));
  } else {
    const auto target = std::find_if(parts_.targets.begin(), parts_.targets.end(),
                                     [&](const Target& one) { return LaneOf(one) == notification.lane; });
    if (target == parts_.targets.end()) return FailedPrecondition("the configuration names this receiver no more");
    request = CallbackRequest(*target, notification);
    request.max_redirects = 0;
  }
  request.response_timeout = kAnswerWithin;
  request.max_body = kMostAnswer;
  return request;
}

Outbox::Outcome Outbox::Attempt(const store::Notification& notification) {
  using Kind = Outcome::Kind;
  const Result<http::Request> request = MakeRequest(notification);
  if (!request.ok()) return {.kind = Kind::kDead, .error = request.status().message()};
  const Result<http::Response> response =
      parts_.transport.Do(ctx_.WithTimeout(kTransferWithin, "a notification"), *request);
  if (!response.ok()) {
    const Code code = response.code();
    const bool final = code == Code::kInvalidArgument || code == Code::kPermissionDenied;
    return {.kind = final ? Kind::kDead : Kind::kAgain, .error = response.status().message()};
  }
  if (response->ok()) return {};
  const bool is_status = notification.lane == kStatusLane;
  if (is_status && HasStateAlready(*response)) return {};
  // A receiver may be mended within the day, unless it says that it is gone for good.
  const bool again = is_status ? MayPass(*response) : response->status != 410;
  const auto wait = response->headers.GetNumber("Retry-After");
  return {.kind = again ? Kind::kAgain : Kind::kDead,
          .error = ErrorText(*response),
          .least_pause = seconds(std::min<uint64_t>(wait.value_or(0), kLongestPause.count()))};
}

std::chrono::seconds Outbox::Pause(const store::Notification& notification, const Outcome& outcome) const {
  const int doublings = std::min(notification.attempts, 10);
  const seconds pause = std::min<seconds>(kFirstPause * (1 << doublings), kLongestPause);
  // Up to a quarter more, so that what failed together does not come again together.
  thread_local std::minstd_rand random{std::random_device{}()};
  const auto more = std::uniform_int_distribution<int64_t>(0, pause.count() / 4)(random);
  return std::max(pause + seconds(more), outcome.least_pause);
}

Status Outbox::Record(const store::Notification& notification, const Outcome& outcome) {
  const std::string id = store::NotificationId(notification.number);
  if (outcome.kind == Outcome::Kind::kSent) {
    spdlog::debug("notification {}: told {} of {}", id, notification.receiver, notification.event);
    return parts_.store.SetSent(notification.number, "");
  }
  const SystemTime next = parts_.clock.System() + Pause(notification, outcome);
  if (outcome.kind == Outcome::Kind::kAgain && next < notification.create_time + kGiveUp) {
    spdlog::warn("notification {} to {}: {}; it is tried again", id, notification.receiver, outcome.error);
    return parts_.store.SetFailed(notification.number, outcome.error, next);
  }
  spdlog::error("notification {} to {} is given up: {}", id, notification.receiver, outcome.error);
  return parts_.store.SetDead(notification.number, outcome.error);
}

}  // namespace slipway::notify
