// CgroupAhead: does the wait that a container's start would do in the kernel before it.
//
// The first process that is moved into a cgroup for a while makes the kernel wait until every processor has passed a
// quiet state (5 to 12 ms); moves that follow within some milliseconds do not. So as soon as it is known that a
// container is about to be started, we "move" ourselves to where we are, which changes nothing, while its root is being
// mounted and the runtime starts up.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "executor/runtime/cgroup.h"

namespace slipway::runtime {

/// The file that moves a process of ours into the cgroup that it is in; "" if there is none. `own` is the text of
/// /proc/self/cgroup.
std::string OwnMembersFile(const CgroupLayout& layout, std::string_view own);

/// Thread-safe.
class CgroupAhead {
 public:
  explicit CgroupAhead(const CgroupLayout& layout);
  ~CgroupAhead();
  CgroupAhead(const CgroupAhead&) = delete;
  CgroupAhead& operator=(const CgroupAhead&) = delete;

  /// A container will be started in a moment. Does not wait.
  void Expect();

 private:
  void Work();

  const std::string file_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool expected_ = false;  // guarded by mutex_
  bool stopping_ = false;  // guarded by mutex_
  std::thread worker_;
};

}  // namespace slipway::runtime
