// RunFeed: what a run says, for those who listen: its log, its events, progress under way, and that its state changed.
//
// A feed is *open* while its run is unfinished; then it is closed once and for all. Readers read the files at their own
// pace and are told when there is more, so a slow one costs no memory. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "daemon/logs/run_event.h"
#include "daemon/logs/tail_file.h"

namespace slipway::logs {

/// Somebody who reads a feed.
class Listener {
 public:
  virtual ~Listener() = default;
  /// There is more to read, the run's state changed, or the feed was closed. Called from any thread, without a lock,
  /// and perhaps without need; must not block.
  virtual void OnFeed() = 0;
};

class RunFeed {
 public:
  /// `path` without ".log" and ".events".
  RunFeed(const std::string& path, bool open) : log_(path + ".log"), events_(path + ".events"), open_(open) {}

  TailFile& log() { return log_; }
  TailFile& events() { return events_; }

  bool open() const;
  /// Counts the changes of the run's state.
  uint64_t version() const;
  /// Told until it is gone.
  void Subscribe(std::weak_ptr<Listener> listener);

  /// Writes what has gathered and tells the listeners if there was anything. The first failure to write.
  Status Flush();
  /// The run's state in the store has changed.
  void StateChanged();
  /// The run has ended and everything is written.
  void Close();

  /// Replaces what is known of progress on one thing of a vertex.
  void SetProgress(const RunEvent& event);
  /// The vertex has ended: its progress is over. Gives what was last known.
  std::vector<RunEvent> TakeProgress(const std::string& vertex);
  void ClearProgress();
  /// Progress that changed after `since` (a count that this function has set), and the new count.
  std::vector<RunEvent> ProgressSince(uint64_t* since) const;

 private:
  void Notify();

  struct Progress {
    RunEvent event;
    uint64_t change = 0;
  };

  TailFile log_;
  TailFile events_;
  mutable std::mutex mutex_;
  bool open_;                                       // guarded by mutex_
  uint64_t version_ = 0;                            // guarded by mutex_
  std::vector<std::weak_ptr<Listener>> listeners_;  // guarded by mutex_
  std::map<std::pair<std::string, std::string>, Progress>
      progress_;                // guarded by mutex_; by vertex and what is counted
  uint64_t changes_ = 0;        // guarded by mutex_
  bool progress_news_ = false;  // guarded by mutex_
};

}  // namespace slipway::logs
