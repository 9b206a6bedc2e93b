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
  /// The mode of folders that are made on the way to a copy: octal gives it but for the upper bits, symbolic leaves it.
  uint32_t OfMadeFolder(uint32_t mode) const { return octal_ ? value_ & 0777 : mode; }

 private:
  /// One step of a symbolic change, as BSD's setmode(3) has them, which BuildKit follows.
  struct Step {
    char op = '+';             ///< '+', '-'; '=' for a copy only: what was there goes first
    uint32_t bits = 0;         ///< what is added or taken
    bool conditional = false;  ///< only for folders and what was executable
    char copy_from = 0;        ///< 'u', 'g', 'o': the bits are those of this class …
    uint32_t copy_to = 0;      ///< … for these: 0700, 0070, 0007
  };
  void AddStep(char op, uint32_t who, uint32_t bits);
  Status ParseClause(std::string_view text, size_t* pos);

  bool octal_ = false;
  uint32_t value_ = 0;
  std::vector<Step> steps_;
};

}  // namespace slipway::ops
