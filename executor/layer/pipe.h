// BytePipe: hands bytes from the thread that downloads to the one that reads, with a bounded buffer between them.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>

#include "executor/base/context.h"
#include "executor/base/status.h"

namespace slipway::layer {

class BytePipe {
 public:
  explicit BytePipe(size_t capacity = 1U << 20) : capacity_(capacity), ring_(new char[capacity]) {}

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
  const std::unique_ptr<char[]> ring_;  // between read_ and written_ of the reader, the rest of the writer
  std::mutex mutex_;
  std::condition_variable_any changed_;
  uint64_t written_ = 0;  // bytes so far; guarded by mutex_, as all below
  uint64_t read_ = 0;
  bool finished_ = false;
  bool closed_ = false;
  Status end_;
};

}  // namespace slipway::layer
