// Flusher: one thread that writes the gathered output of all open feeds, some ten times a second while there is any.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "daemon/logs/run_feed.h"

namespace slipway::logs {

class Flusher {
 public:
  Flusher();
  /// Flushes what there is.
  ~Flusher();
  Flusher(const Flusher&) = delete;
  Flusher& operator=(const Flusher&) = delete;

  /// This feed has something to be flushed soon. Cheap.
  void Wake(const std::shared_ptr<RunFeed>& feed);

 private:
  void Work();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::shared_ptr<RunFeed>> due_;  // guarded by mutex_; each once
  bool stopping_ = false;                      // guarded by mutex_
  std::thread thread_;
};

}  // namespace slipway::logs
