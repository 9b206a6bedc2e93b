// EventReader: the events of a feed's file from its beginning on, as far as they are written. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "daemon/logs/run_event.h"
#include "daemon/logs/tail_file.h"
#include "executor/base/status.h"

namespace slipway::logs {

class EventReader {
 public:
  /// `file` must outlive it.
  explicit EventReader(TailFile& file) : file_(file) {}

  /// The next event; nullopt if there is none yet (or only a part of one). DATA_LOSS if the file is damaged here.
  Result<std::optional<RunEvent>> Next();
  /// Where the next event begins in the file.
  uint64_t offset() const { return offset_; }

 private:
  TailFile& file_;
  uint64_t offset_ = 0;  // of buffer_[used_] in the file
  std::string buffer_;
  size_t used_ = 0;
};

}  // namespace slipway::logs
