// Which stages of a file copy from which, by the text alone: known before any image is looked up.
//
// A name in --from and in a mount's from= means the last stage of the whole file that is called so, in any case; FROM
// knows the nearest one above it, and only in lower case. Pure; the Dockerfile must outlive the object.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "executor/base/status.h"
#include "executor/dockerfile/instructions.h"

namespace slipway::dockerfile {

/// What --from of COPY, or from= of a mount, says.
struct FromName {
  std::string name;
  bool by_index = false;  ///< a number is that of a stage; for mounts it is a name
  const InstructionBase* where = nullptr;
};

class StageLinks {
 public:
  explicit StageLinks(const Dockerfile& dockerfile);

  /// What `FROM name` in stage `before` stands on; none: an image.
  std::optional<size_t> Base(std::string_view name, size_t before) const;
  /// The stage that is called so, wherever it stands.
  std::optional<size_t> Named(std::string_view name) const;
  /// The stage that `from` means; none: it is an image or a named context. INVALID_ARGUMENT for a number that no stage
  /// has.
  Result<std::optional<size_t>> Find(const FromName& from) const;
  /// All that a stage copies and mounts from, in order.
  static std::vector<FromName> FromsOf(const Stage& stage);
  /// INVALID_ARGUMENT if any stage, needed or not, copies from a number that none has, or by way of others from itself.
  Status Check() const;

 private:
  Result<std::vector<std::pair<size_t, FromName>>> LinksOf(const Stage& stage) const;
  Status At(const FromName& from, const Status& status) const;

  const Dockerfile& dockerfile_;
  std::map<std::string, std::vector<size_t>, std::less<>> by_name_;  // in order
};

}  // namespace slipway::dockerfile
