// OutputSink: takes an output of a build (a file system, an OCI layout) entry by entry. What makes outputs knows
// nothing of where they go: into a tar archive, or as messages to a client.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "executor/base/status.h"
#include "executor/tree/entry.h"

namespace slipway::image {

/// Entries come in an order in which they can be made: folders before what is in them, files before links to them. One
/// thread at a time. Calls block while the receiver is slow; a failure ends the output.
class OutputSink {
 public:
  virtual ~OutputSink() = default;
  /// Of a file, exactly `size` bytes follow by Data().
  virtual Status Entry(const tree::Entry& entry) = 0;
  virtual Status Data(std::string_view bytes) = 0;
  /// Nothing follows.
  virtual Status Finish() = 0;
};

/// Makes a pax tar archive of it, with all attributes.
class TarOutput : public OutputSink {
 public:
  explicit TarOutput(std::function<Status(std::string_view)> write) : write_(std::move(write)) {}
  Status Entry(const tree::Entry& entry) override;
  Status Data(std::string_view bytes) override;
  Status Finish() override;

 private:
  std::function<Status(std::string_view)> write_;
  std::string header_;
  uint64_t size_ = 0;  // of the current file
  uint64_t done_ = 0;
};

}  // namespace slipway::image
