// OutputFolder: files of an output, made in a folder. All of it is made aside first and appears at the end: a folder
// that is not there or empty by one rename; into one that holds something the files are moved one by one, each
// replacing what was there in one step. Destroyed without Commit, it leaves nothing.
//
// What the daemon sends is not trusted: names are checked, and every operation works beneath our own folder without
// following any link. Owners, devices and attributes other than user.* are kept only where we are root. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/fs.h"
#include "executor/base/status.h"
#include "executor/base/unique_fd.h"
#include "slipway/v1/images.pb.h"

namespace slipway::cli {

class OutputFolder {
 public:
  /// What a folder that is there and not empty may be.
  enum class Existing {
    kMerge,          ///< anything; the files are moved into it
    kReplaceLayout,  ///< an OCI image layout, which is replaced as a whole
  };
  /// `dest` need not be there, but the folder above it must.
  static Result<OutputFolder> Make(const std::string& dest, Existing existing);

  /// The next entry. INVALID_ARGUMENT if the daemon sends what leads elsewhere or cannot be.
  Status Add(const slipway::v1::OutputEntry& entry);
  /// Bytes of the file that was added last.
  Status Write(std::string_view bytes);
  Status Commit();

  uint64_t files() const { return files_; }
  uint64_t bytes() const { return bytes_; }
  /// Devices and attributes that could not be made here.
  uint64_t left_out() const { return left_out_; }

 private:
  struct Folder {
    std::string path;
    slipway::v1::OutputEntry entry;
  };
  struct Place {
    UniqueFd parent;
    std::string base;
  };

  OutputFolder() = default;
  Result<Place> Locate(const std::string& path);
  Status MakeFile(const Place& place, const slipway::v1::OutputEntry& entry);
  Status MakeNode(const Place& place, const slipway::v1::OutputEntry& entry);
  Status MakeLink(const Place& place, const slipway::v1::OutputEntry& entry);
  Status EndFile();
  Status SetXattrs(int fd, const slipway::v1::OutputEntry& entry);
  Status FinishFolders();
  Status Merge();

  std::string dest_;
  Existing existing_ = Existing::kMerge;
  bool root_user_ = false;
  fs::TempDir temp_;
  UniqueFd root_;
  std::vector<Folder> folders_;
  UniqueFd file_;
  slipway::v1::OutputEntry file_entry_;
  uint64_t written_ = 0;  // of the current file
  uint64_t files_ = 0;
  uint64_t bytes_ = 0;
  uint64_t left_out_ = 0;
};

}  // namespace slipway::cli
