// FlagSet: the flags that one instruction knows, and where their values go. Used once, on the stack.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "executor/base/status.h"

namespace slipway::dockerfile {

class FlagSet {
 public:
  /// `keyword` is for messages. What the pointers show must live until Parse is done; their values are the defaults.
  explicit FlagSet(std::string_view keyword) : keyword_(keyword) {}

  FlagSet& Add(std::string_view name, bool* value) { return AddTarget(name, value); }
  FlagSet& Add(std::string_view name, std::optional<bool>* value) { return AddTarget(name, value); }
  FlagSet& Add(std::string_view name, std::string* value) { return AddTarget(name, value); }
  /// May be given several times.
  FlagSet& Add(std::string_view name, std::vector<std::string>* values) { return AddTarget(name, values); }

  /// INVALID_ARGUMENT for an unknown or doubled flag, a missing value, or a boolean that is none.
  Status Parse(std::span<const std::string> words);
  /// The word that Parse failed at; "" if it did not.
  const std::string& fault() const { return fault_; }

 private:
  using Target = std::variant<bool*, std::optional<bool>*, std::string*, std::vector<std::string>*>;
  struct Flag {
    std::string_view name;
    Target target;
    bool used = false;
  };

  FlagSet& AddTarget(std::string_view name, Target target) {
    flags_.push_back({name, target});
    return *this;
  }
  Status ParseOne(std::string_view word);
  Status Unknown(std::string_view name) const;

  std::string_view keyword_;
  std::vector<Flag> flags_;
  std::string fault_;
};

}  // namespace slipway::dockerfile
