// Layout: what lies where in the folder of a layer store.
//
//   layers.db      the records
//   uppers/N       what containers have changed
//   unpacked/N     layers and recipes as folders
//   tmp/           folders that are not whole yet
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "executor/base/status.h"

namespace slipway::layer {

class Layout {
 public:
  explicit Layout(std::string root) : root_(std::move(root)) {}

  /// Makes the folders that are missing.
  Status Make() const;

  const std::string& root() const { return root_; }
  std::string Database() const;
  std::string Temporary() const { return Folder("tmp"); }
  /// Paths that do not exist yet.
  std::string NewUpper() const;
  std::string NewUnpacked() const;
  /// Where whatever no record names is to be removed.
  std::array<std::string, 3> Swept() const;

 private:
  std::string Folder(std::string_view name) const;

  const std::string root_;
};

}  // namespace slipway::layer
