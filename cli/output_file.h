// OutputFile: an output that is one file. It is written beside its place and renamed, so a reader never sees a part of
// it; a pipe or a device that is there is written to as it is, and "-" is standard output. Destroyed without Commit, it
// leaves nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "executor/base/status.h"
#include "executor/base/unique_fd.h"

namespace slipway::cli {

class OutputFile {
 public:
  static Result<OutputFile> Make(const std::string& dest);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  Status Write(std::string_view bytes);
  Status Commit();
  uint64_t bytes() const { return bytes_; }

 private:
  OutputFile() = default;

  std::string dest_;
  std::string temp_;  // "" where the bytes go to their place at once
  UniqueFd owned_;
  int fd_ = -1;
  uint64_t bytes_ = 0;
};

}  // namespace slipway::cli
