// FieldChecks: gathers what is wrong with a request, with the bounds that every text and list of one has. A base for
// the checks of one kind of request; not thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "executor/base/status.h"
#include "steps/task/field_error.h"
#include "steps/task/secret_limits.h"

namespace slipway::task {

class FieldChecks {
 protected:
  static constexpr size_t kMaxPath = 4096;
  static constexpr size_t kMaxName = 512;
  static constexpr size_t kMaxValue = 64 << 10;
  static constexpr size_t kMaxFile = 1 << 20;
  static constexpr size_t kMaxArguments = 256;

  void Add(std::string field, std::string message) { errors_.push_back({std::move(field), std::move(message)}); }

  /// Whether a text may be looked at further.
  bool Text(std::string_view field, std::string_view text, size_t limit) {
    if (text.size() > limit) {
      Add(std::string(field), fmt::format("has {} bytes; the limit is {}", text.size(), limit));
      return false;
    }
    if (text.find('\0') != std::string_view::npos) {
      Add(std::string(field), "holds a NUL byte");
      return false;
    }
    return true;
  }

  /// Whether a secret can be kept out of logs.
  void Secret(std::string field, std::string_view value) {
    if (!IsTooShortToHide(value)) return;
    Add(std::move(field),
        fmt::format("is a secret of {} bytes; fewer than {} cannot be hidden in logs", value.size(), kShortestSecret));
  }

  /// Whether the elements of a list are to be looked at.
  bool Count(std::string_view field, size_t count, size_t limit) {
    if (count <= limit) return true;
    Add(std::string(field), fmt::format("has {} elements; the limit is {}", count, limit));
    return false;
  }

  FieldErrors errors_;
};

}  // namespace slipway::task
