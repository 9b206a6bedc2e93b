// UpdateNotices: tells the endpoint of a base image trigger that a base has moved and a run was started for it.
//
//   POST <endpoint>, Content-Type: application/json
//   {"id": "app1:ca8", "timestamp": "2026-01-02T03:04:05Z", "action": "image_update", "task": "app1",
//    "trigger": "base", "run": "ca8",
//    "images": [{"registry": "…", "repository": "…", "tag": "…", "digest": "sha256:…"}]}
//
// The payload type "Token" adds "token": what `task run --update-trigger-token` gave the last run, "" if nothing. An
// endpoint that fails is tried three times; then the log says so. At most 1000 notices wait; of more, the oldest go.
//
// Life: construct, Start, (Add from any thread), Stop, which gives up what waits. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "daemon/store/run.h"
#include "daemon/store/task.h"
#include "executor/base/context.h"
#include "executor/http/transport.h"

namespace slipway::tasks {

/// The body that is posted.
std::string UpdateNoticeBody(const store::BaseImageTrigger& trigger, const store::Run& run);

class UpdateNotices {
 public:
  /// `transport` must outlive this. `first_pause` comes after a failed attempt, twice as much after the second.
  explicit UpdateNotices(http::Transport& transport, std::chrono::milliseconds first_pause = std::chrono::seconds(2))
      : transport_(transport), first_pause_(first_pause) {}
  ~UpdateNotices() { Stop(); }
  UpdateNotices(const UpdateNotices&) = delete;
  UpdateNotices& operator=(const UpdateNotices&) = delete;

  void Start();
  void Stop();
  /// Nothing if the task's trigger has no endpoint. Returns at once.
  void Add(const store::Task& task, const store::Run& run);

 private:
  struct Notice {
    std::string task;
    std::string url;
    std::string body;
  };
  void Work(const std::stop_token& stop);
  Status Send(const Notice& notice) const;

  http::Transport& transport_;
  const std::chrono::milliseconds first_pause_;
  const Context ctx_ = Context::Background().Child();
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Notice> queue_;  // guarded by mutex_
  std::jthread thread_;
};

}  // namespace slipway::tasks
