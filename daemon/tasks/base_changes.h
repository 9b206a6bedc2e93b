// BaseChanges: an image moved; which tasks are run for it. No threads: it is asked, and answers when all are started.
//
// A task is run if its last successful run was built from another digest of the tag than the tag stands for now. The
// run's request id names that last run and the digest, so that one change makes one run of a task, however often and
// from whom it is heard: a registry, a look-up, the end of a run here.
//
// A task is not run for what its own run led to: a run that an image starts knows the tasks that led to it
// (RunTrigger::ancestry), and an image is traced to the run that pushed it by its digest. So a cycle (a is built from
// b, b from a) goes round once. Thread-safe; what it is given must outlive it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "daemon/store/run_store.h"
#include "daemon/store/task_store.h"
#include "daemon/tasks/task_starter.h"
#include "executor/base/clock.h"
#include "executor/base/context.h"
#include "executor/oci/reference.h"

namespace slipway::tasks {

/// How a change was heard of.
enum class HeardFrom {
  kRegistry,  ///< a registry told
  kLookup,    ///< the tag was looked up: its digest is certain
  kRun,       ///< a run here has made it
  kReplay,    ///< somebody wants it judged again: tasks that were run for it are run again
};

struct ImageChange {
  store::Image image;  ///< with a tag; the digest may be "" where a registry does not say it
  HeardFrom from = HeardFrom::kLookup;
  std::string delivery;  ///< id of the delivery that told it, "" for none
};

/// A run that a change has started.
struct StartedByImage {
  store::Task task;
  store::Run run;
};

class BaseChanges {
 public:
  struct Parts {
    store::TaskStore& tasks;
    store::RunStore& runs;
    const Clock& clock;
    /// What a name stands for in its registry now.
    std::function<Result<Digest>(const Context& ctx, const oci::Reference& image)> lookup;
    std::function<Result<store::CreatedRun>(const TaskStart& start)> start_run;
    /// Told of each run, once. May be unset.
    std::function<void(const StartedByImage& started)> on_started;
  };
  explicit BaseChanges(Parts parts) : parts_(std::move(parts)) {}

  /// How many runs were started. An error if one could not be: then it may be asked again. CANCELLED if the daemon is
  /// stopping.
  Result<int> Judge(const Context& ctx, const ImageChange& change) const;
  /// Whether any task was built from the tag.
  Result<bool> IsWatched(const store::Image& image) const;

 private:
  /// The last run that says what a task is built from; nullopt if there is none.
  Result<std::optional<store::Run>> LastRun(const store::Task& task) const;
  Result<std::vector<std::string>> AncestryOf(const store::Image& image) const;
  Result<bool> Consider(const store::Task& task, const ImageChange& change,
                        const std::vector<std::string>& ancestry) const;
  void Record(const store::Task& task, const ImageChange& change, store::Verdict verdict, const std::string& reason,
              const std::string& run) const;

  const Parts parts_;
};

/// What is stored of a change, and back.
std::string ChangesToJson(const std::vector<store::Image>& images);
Result<std::vector<store::Image>> ChangesFromJson(std::string_view json);

/// Deliveries of this sender are registries', and not for HookIntake.
inline constexpr std::string_view kRegistrySender = "registry";

}  // namespace slipway::tasks
