// The keys of the configuration: one table that the file, the flags and the help are made from.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "daemon/config/config.h"

namespace slipway::config {

struct Key {
  enum class Kind {
    kText,
    kList,
    kRecords,  ///< a list whose elements have fields: a map in the file, "name=value,…" as a flag
    kBool
  };

  std::string_view name;  ///< as in the file, "limits.entries"; the flag is "--limits-entries"
  Kind kind = Kind::kText;
  std::string_view form;  ///< of the value, for the help
  std::string_view help;
  /// Takes one value; the values of a list one after the other.
  std::function<Status(Config&, const std::string&)> set;
  bool IsList() const { return kind == Kind::kList || kind == Kind::kRecords; }
  /// Of a list: forgets what an earlier source has set.
  std::function<void(Config&)> clear;
};

std::span<const Key> Keys();
/// nullptr if there is none.
const Key* FindKey(std::string_view name);
/// "; did you mean 'x'?" or "".
std::string KeyHint(std::string_view name);

/// Sets a key to its values (one, if it is no list). The error names the key.
Status Apply(const Key& key, std::span<const std::string> values, Config& config);

}  // namespace slipway::config
