// Env: variables in order of first appearance, as an image config's Env list and as a lookup for expansion.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::dockerfile {

class Env {
 public:
  Env() = default;
  /// From "KEY=value" texts; one without "=" is an empty value.
  explicit Env(const std::vector<std::string>& list);

  void Set(std::string_view name, std::string_view value);
  /// Valid until the next Set.
  std::optional<std::string_view> Get(std::string_view name) const;
  /// "KEY=value" texts.
  std::vector<std::string> List() const;
  const std::vector<std::pair<std::string, std::string>>& pairs() const { return pairs_; }

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

/// Whether an ARG of this name is read by the builder and never becomes a variable.
bool IsForTheBuilder(std::string_view name);

}  // namespace slipway::dockerfile
