// Archive: the logs and events of all runs, three files a run in one folder, kept until they are removed. Hands out
// feeds: the one that is being written for a run that is unfinished, a closed one for others. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/logs/flusher.h"
#include "daemon/logs/recorder.h"
#include "daemon/logs/run_feed.h"
#include "executor/base/cache_step.h"
#include "executor/base/guarded.h"

namespace slipway::logs {

class Archive {
 public:
  /// Makes the folder if it is missing.
  static Result<std::unique_ptr<Archive>> Open(const std::string& folder, RecorderLimits limits = {});

  /// The run is unfinished: its feed, open until Close.
  std::shared_ptr<RunFeed> Expect(const std::string& run_id);
  /// The run has ended, and the store says so.
  void Close(const std::string& run_id);
  /// To read: the open feed if there is one, else a closed one over what was recorded.
  std::shared_ptr<RunFeed> Read(const std::string& run_id);

  /// What the cache did for the steps of a run: a file beside its log, replaced as a whole.
  Status SaveCacheSteps(const std::string& run_id, const std::vector<CacheStep>& steps) const;
  /// None for a run of which nothing was saved.
  Result<std::vector<CacheStep>> CacheSteps(const std::string& run_id) const;

  /// Removes what was recorded of a run that has ended. Those who are reading it may read on.
  Status Remove(const std::string& run_id) const;
  /// The ids of all runs of which there is anything.
  Result<std::vector<std::string>> Recorded() const;

  /// To write: for one attempt of a run.
  Result<std::unique_ptr<Recorder>> Record(const std::string& run_id, std::shared_ptr<const secrets::Masker> masker);

 private:
  Archive(std::string folder, RecorderLimits limits) : folder_(std::move(folder)), limits_(limits) {}
  std::string PathOf(const std::string& run_id) const;

  const std::string folder_;
  const RecorderLimits limits_;
  Flusher flusher_;
  Guarded<std::map<std::string, std::shared_ptr<RunFeed>>> open_;
};

}  // namespace slipway::logs
