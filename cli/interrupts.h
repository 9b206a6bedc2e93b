// Interrupts: Ctrl-C and SIGTERM as calls on a thread of ours instead of the end of the process.
//
// While one exists, the signals are blocked in the thread that made it and in all that are started later; so it is made
// before other threads are. A signal that the process was told to ignore stays ignored.
#pragma once

#include <signal.h>

#include <functional>
#include <thread>

#include "executor/base/unique_fd.h"

namespace slipway::cli {

class Interrupts {
 public:
  /// `on_signal(signal, count)` is called for each, with count 1 for the first; it must not block, or the next is late.
  explicit Interrupts(std::function<void(int, int)> on_signal);
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

 private:
  void Watch(const std::function<void(int, int)>& on_signal) const;

  sigset_t before_{};
  UniqueFd signals_;
  UniqueFd stop_;
  std::thread watcher_;
};

}  // namespace slipway::cli
