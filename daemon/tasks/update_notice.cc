#include "daemon/tasks/update_notice.h"

#include <nlohmann/json.hpp>

#include "executor/base/log.h"

namespace slipway::tasks {

namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr size_t kMostWaiting = 1000;
constexpr int kAttempts = 3;
constexpr std::chrono::seconds kTimeout{10};

}  // namespace

std::string UpdateNoticeBody(const store::BaseImageTrigger& trigger, const store::Run& run) {
  OrderedJson body = {{"id", fmt::format("{}:{}", run.task, run.id)},
                      {"timestamp", FormatTime(run.create_time)},
                      {"action", "image_update"},
                      {"task", run.task},
                      {"trigger", trigger.name},
                      {"run", run.id},
                      {"images", OrderedJson::array()}};
  for (const store::TriggerImage& image : run.trigger.images) {
    body["images"].push_back(
        {{"registry", image.registry}, {"repository", image.repository}, {"tag", image.tag}, {"digest", image.digest}});
  }
  if (trigger.payload_type == "Token") body["token"] = run.trigger.update_token;
  return body.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

void UpdateNotices::Start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { Work(stop); });
}

void UpdateNotices::Stop() {
  ctx_.Cancel(Cancelled("the daemon is stopping"));
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void UpdateNotices::Add(const store::Task& task, const store::Run& run) {
  if (!task.base_image || task.base_image->endpoint.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= kMostWaiting) {
      spdlog::error("task '{}': its endpoint is not told of a base image: too many notices wait", queue_.front().task);
      queue_.pop_front();
    }
    queue_.push_back(
        {.task = task.name, .url = task.base_image->endpoint, .body = UpdateNoticeBody(*task.base_image, run)});
  }
  changed_.notify_one();
}

void UpdateNotices::Work(const std::stop_token& stop) {
  while (true) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [this] { return !queue_.empty(); })) return;
    const Notice notice = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    const Status sent = Send(notice);
    if (ctx_.Done()) return;
    if (!sent.ok()) {
      spdlog::warn("task '{}': its endpoint was not told of a base image: {}", notice.task, sent.message());
    }
  }
}

Status UpdateNotices::Send(const Notice& notice) const {
  http::Request request;
  request.method = "POST";
  request.url = notice.url;
  request.headers.Set("Content-Type", "application/json");
  request.body = notice.body;
  request.max_body = 64U << 10;
  request.max_redirects = 0;
  request.plain_http = http::PlainHttp::kAny;
  request.response_timeout = kTimeout;
  Status status;
  for (int attempt = 1; attempt <= kAttempts; ++attempt) {
    const Result<http::Response> answer = transport_.Do(ctx_.WithTimeout(kTimeout, "the endpoint"), request);
    if (answer.ok() && answer->ok()) return Status();
    status = answer.ok() ? FailedPrecondition("HTTP {}", answer->status) : answer.status();
    if (attempt < kAttempts) SLIPWAY_RETURN_IF_ERROR(ctx_.Sleep(first_pause_ * attempt));
  }
  return status;
}

}  // namespace slipway::tasks
