// BaseWatch: hears of images that move, from registries, from runs here and by looking tags up, and has each change
// judged (BaseChanges).
//
// A notification of a registry is answered once it is stored, before any work; what a crash leaves is judged at the
// next start, and so is what runs here have pushed meanwhile. Tags that tasks were built from are looked up now and
// then (trigger::PollTable), each once for all tasks.
//
// Life: construct, Start, (OnRun, Replay, requests from any thread), Stop.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "daemon/http/router.h"
#include "daemon/tasks/base_changes.h"
#include "daemon/trigger/poll_table.h"
#include "executor/base/context.h"

namespace slipway::tasks {

/// A notification tells some images; the distribution's registry puts at most a few dozen events into one.
inline constexpr uint64_t kMostNotificationBytes = 1U << 20;

struct BaseWatchOptions {
  /// How often a tag is looked up, about; 0: never.
  std::chrono::seconds poll_interval{600};
  /// What registries prove themselves with; "": none is listened to.
  std::string registry_token;
};

class BaseWatch {
 public:
  BaseWatch(BaseChanges::Parts parts, BaseWatchOptions options);
  ~BaseWatch();
  BaseWatch(const BaseWatch&) = delete;
  BaseWatch& operator=(const BaseWatch&) = delete;

  /// Goes on with what an earlier daemon has left undone.
  Status Start();
  /// Starts nothing any more.
  void Stop();

  /// Adds /webhooks/registry. `?registry=HOST` is what the sender is called in references, where it calls itself
  /// otherwise.
  void AddRoutes(web::Router& router);
  /// Looks at what a run that has ended has pushed. Returns at once.
  void OnRun(const store::Run& run);
  /// Judges a delivery of a registry once more, as a new one.
  Result<store::Delivery> Replay(const store::Delivery& delivery);

 private:
  /// Something to be judged: images, and the delivery that waits for the verdict (0: none).
  struct Heard {
    std::vector<store::Image> images;
    HeardFrom from = HeardFrom::kRegistry;
    int64_t delivery = 0;
  };
  web::Response Receive(const web::Request& request);
  web::Response Refuse(int status, const Status& why);
  Result<store::Delivery> Store(store::Delivery delivery, const std::vector<store::Image>& images, HeardFrom from);
  void Queue(Heard heard);
  void Work(const std::stop_token& stop);
  void Process(const Heard& heard);
  Status FindMissedRuns();

  void Poll(const std::stop_token& stop);
  void Refresh();
  void LookUp(const trigger::PollTable::Image& image);

  const BaseChanges::Parts parts_;
  const BaseWatchOptions options_;
  const BaseChanges changes_;
  const Context ctx_ = Context::Background().Child();

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Heard> queue_;                               // guarded by mutex_
  std::chrono::steady_clock::time_point last_refusal_{};  // guarded by mutex_
  uint64_t refused_ = 0;                                  // guarded by mutex_: since the last one that was told

  // Of the polling thread alone.
  trigger::PollTable table_;
  std::map<trigger::PollTable::Image, std::set<std::string>> digests_;  // that tasks were built from
  std::mutex poll_mutex_;
  std::condition_variable_any poll_changed_;

  std::jthread worker_;
  std::jthread poller_;
};

}  // namespace slipway::tasks
