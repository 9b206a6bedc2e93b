// Mode changes as COPY --chmod has them: octal, or chmod(1)'s symbolic form.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "executor/base/status.h"

namespace slipway::ops {

class ModeChange {
 public:
  /// "755", "u=rwX,go=rX", "a+x". INVALID_ARGUMENT otherwise.
  static Result<ModeChange> Parse(std::string_view text);
  /// The mode (07777) of a file that had `mode`.
  uint32_t Apply(uint32_t mode, bool is_dir) const;

 private:
  struct Clause {
    uint32_t who = 0;  ///< 04700 for u, 02070 for g, 01007 for o
    char op = '=';
    uint32_t bits = 0;  ///< rwx of all three classes, setuid, setgid, sticky; cut by who
    bool conditional_x = false;
    char copy_from = 0;  ///< 'u', 'g', 'o'
  };
  bool octal_ = false;
  uint32_t value_ = 0;
  std::vector<Clause> clauses_;
};

}  // namespace slipway::ops
