// TaskStore: where tasks, their timers and the deliveries for them are kept. Each call is one transaction; what a call
// has returned is on disk. All functions may be called from any thread and block for the time of a disk write.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "daemon/store/task.h"

namespace slipway::store {

struct TaskPage {
  std::vector<Task> tasks;      ///< by name
  std::string next_page_token;  ///< "" at the end
};

struct DeliveryPage {
  std::vector<Delivery> deliveries;  ///< newest first
  std::string next_page_token;
};

/// When a timer last became due.
struct TimerState {
  std::string task;
  std::string timer;
  std::string schedule;  ///< with its zone: another one begins anew
  SystemTime last_time;
};

class TaskStore {
 public:
  virtual ~TaskStore() = default;

  /// Stores a new task; `etag` and times are set. ALREADY_EXISTS if a task's name differs by case at most.
  virtual Result<Task> Create(Task task, SystemTime now) = 0;
  /// Replaces a task, given its new state with the etag of the old. NOT_FOUND; ABORTED if it was changed meanwhile.
  virtual Result<Task> Update(Task task, SystemTime now) = 0;
  /// NOT_FOUND; ABORTED if `etag` is not empty and not the task's.
  virtual Status Delete(const std::string& name, const std::string& etag) = 0;
  /// By its name in any case. NOT_FOUND.
  virtual Result<Task> Get(const std::string& name) = 0;
  /// INVALID_ARGUMENT for a page token that is not one of ours.
  virtual Result<TaskPage> List(size_t page_size, const std::string& page_token) = 0;
  /// All of them, for the timers.
  virtual Result<std::vector<Task>> All() = 0;

  /// Puts a task's secrets, sealed anew, in place of the old; else it is as it was, its etag too.
  virtual Status Reseal(const std::string& name, const std::string& sealed) = 0;

  /// What the last successful run of a task was built from. Nothing if the task is gone.
  virtual Status SetBases(const std::string& name, const std::vector<BaseImage>& bases) = 0;
  /// Names of tasks with an enabled base image trigger that were built from this image, whatever its digest.
  virtual Result<std::vector<Task>> BuiltFrom(const Image& image) = 0;
  /// The distinct images that tasks with an enabled base image trigger watch; their digests are what the tasks were
  /// built from.
  virtual Result<std::vector<Image>> WatchedImages() = 0;

  virtual Result<std::vector<TimerState>> Timers() = 0;
  virtual Status SetTimer(const TimerState& state) = 0;

  /// Stores a delivery as pending, unless one with the same task, trigger and sender's id is pending or led to a run:
  /// then it is stored as repeated. Its number is set.
  virtual Result<Delivery> AddDelivery(Delivery delivery) = 0;
  /// Its verdict, reason and run.
  virtual Status SetVerdict(int64_t number, Verdict verdict, const std::string& reason, const std::string& run_id) = 0;
  /// NOT_FOUND.
  virtual Result<Delivery> GetDelivery(int64_t number) = 0;
  /// Without contents. INVALID_ARGUMENT for a page token that is not one of ours. `task` "": of all.
  virtual Result<DeliveryPage> Deliveries(const std::string& task, size_t page_size, const std::string& page_token) = 0;
  /// Pending ones, oldest first: what a crash left.
  virtual Result<std::vector<Delivery>> PendingDeliveries() = 0;
  /// Removes deliveries that came before `before`; how many.
  virtual Result<int64_t> ForgetDeliveries(SystemTime before) = 0;
};

}  // namespace slipway::store
