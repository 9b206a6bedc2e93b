// BytePipe: hands bytes from the thread that downloads to the one that reads, with a bounded buffer between them.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "executor/base/context.h"
#include "executor/base/status.h"

namespace slipway::layer {

class BytePipe {
 public:
  explicit BytePipe(size_t capacity = 4U << 20) : capacity_(capacity) {}

  /// Writer: blocks while the buffer is full. CANCELLED once the reader has closed.
  Status Write(const Context& ctx, std::string_view bytes);
  /// Writer: no more bytes come; `status` is what the reader gets after the last of them.
  void Finish(Status status);
  /// Reader: fills the buffer as far as there are bytes; 0 at the end.
  Result<size_t> Read(const Context& ctx, std::span<char> buffer);
  /// Reader: wants no more.
  void Close();

 private:
  const size_t capacity_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::string> chunks_;  // guarded by mutex_, as all below
  size_t front_used_ = 0;
  size_t held_ = 0;
  bool finished_ = false;
  bool closed_ = false;
  Status end_;
};

}  // namespace slipway::layer
