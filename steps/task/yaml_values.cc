#include "steps/task/yaml_values.h"

#include <array>
#include <charconv>
#include <cmath>

namespace slipway::task {

namespace {

// A plain scalar, or one that says it is a `kind`: "!!int".
bool Resolvable(const YamlNode& node, std::string_view kind) {
  if (node.kind != YamlNode::Kind::kScalar) return false;
  return node.plain() || node.tag == fmt::format("tag:yaml.org,2002:{}", kind);
}

std::optional<int64_t> Integer(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  if (text.starts_with("0x")) {
    base = 16;
  } else if (text.starts_with("0b")) {
    base = 2;
  } else if (text.starts_with("0o")) {
    base = 8;
  }
  if (base != 10) {
    text.remove_prefix(2);
  } else if (text.size() > 1 && text[0] == '0') {
    base = 8;
  }
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size() || value > INT64_MAX) return std::nullopt;
  return negative ? -static_cast<int64_t>(value) : static_cast<int64_t>(value);
}

std::optional<int64_t> Float(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(std::fabs(value) < 9e18)) return std::nullopt;
  return static_cast<int64_t>(value);
}

}  // namespace

std::optional<int64_t> WholeNumber(const YamlNode& node) {
  if (!Resolvable(node, "int") && !Resolvable(node, "float")) return std::nullopt;
  std::string text;
  for (const char c : node.text) {
    if (c != '_') text.push_back(c);
  }
  if (text.find_first_of("0123456789") == std::string::npos) return std::nullopt;
  const std::optional<int64_t> integer = Integer(text);
  return integer ? integer : Float(text);
}

std::optional<bool> Bool(const YamlNode& node) {
  if (!Resolvable(node, "bool")) return std::nullopt;
  constexpr std::array<std::string_view, 11> kTrue = {"y",    "Y",    "yes", "Yes", "YES", "true",
                                                      "True", "TRUE", "on",  "On",  "ON"};
  constexpr std::array<std::string_view, 11> kFalse = {"n",     "N",     "no",  "No",  "NO", "false",
                                                       "False", "FALSE", "off", "Off", "OFF"};
  if (std::find(kTrue.begin(), kTrue.end(), node.text) != kTrue.end()) return true;
  if (std::find(kFalse.begin(), kFalse.end(), node.text) != kFalse.end()) return false;
  return std::nullopt;
}

}  // namespace slipway::task
