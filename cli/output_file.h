// OutputFile: an output that is one file. It is written beside its place and renamed, so a reader never sees a part of
// it; where a link stands, this is the place of the file that it leads to. A pipe or a device that is there is written
// to as it is, and "-" is standard output. Destroyed without Commit, it leaves nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "executor/base/status.h"
#include "executor/base/unique_fd.h"

namespace slipway::cli {

class OutputFile {
 public:
  /// Opens a pipe, which waits until somebody reads it.
  static Result<OutputFile> Make(const std::string& dest);
  /// Whether Make would fail, as far as can be told without opening a pipe or a device: the reader of a pipe would take
  /// it for the end.
  static Status Check(const std::string& dest);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  Status Write(std::string_view bytes);
  Status Commit();
  uint64_t bytes() const { return bytes_; }

 private:
  OutputFile() = default;

  std::string dest_;  // as the user said
  std::string path_;  // where the file goes when it is whole
  std::string temp_;  // "" where the bytes go to their place at once
  UniqueFd owned_;
  int fd_ = -1;
  uint64_t bytes_ = 0;
};

}  // namespace slipway::cli
