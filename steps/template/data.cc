#include "steps/template/data.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include <yaml-cpp/yaml.h>

#include "steps/template/go_text.h"

namespace slipway::run_template {

namespace {

constexpr int kMaxDepth = 100;
constexpr size_t kMaxNodes = 100'000;  // with what aliases stand for
constexpr size_t kMaxBytes = 4u << 20;

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool IsFloat(std::string_view text) {
  const size_t start = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  const bool digits = text.find_first_of("0123456789") != std::string_view::npos;
  return digits && text.find_first_not_of("0123456789.eE+-", start) == std::string_view::npos;
}

std::optional<nlohmann::json> Number(const std::string& text) {
  // Underscores may stand anywhere in a number of YAML 1.1.
  std::string plain;
  std::copy_if(text.begin(), text.end(), std::back_inserter(plain), [](char c) { return c != '_'; });
  if (plain.empty() || std::string_view("+-.0123456789").find(plain[0]) == std::string_view::npos) return std::nullopt;
  if (const auto value = ParseInt(plain, 0)) return *value;
  if (const auto value = ParseUint(plain, 0)) return *value;
  if (IsFloat(plain)) {
    if (const auto value = ParseFloat(plain)) return *value;
  }
  return std::nullopt;
}

// A plain scalar as YAML 1.1 types it.
nlohmann::json Resolve(const std::string& text) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (IsOneOf(text, {"", "~", "null", "Null", "NULL"})) return nullptr;
  if (IsOneOf(text, {"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})) return true;
  if (IsOneOf(text, {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"})) return false;
  if (IsOneOf(text, {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"})) return kInfinity;
  if (IsOneOf(text, {"-.inf", "-.Inf", "-.INF"})) return -kInfinity;
  if (IsOneOf(text, {".nan", ".NaN", ".NAN"})) return std::numeric_limits<double>::quiet_NaN();
  return Number(text).value_or(nlohmann::json(text));
}

class Converter {
 public:
  explicit Converter(std::string_view name) : name_(name) {}

  Result<nlohmann::json> Convert(const YAML::Node& node, int depth) {
    if (++nodes_ > kMaxNodes)
      return Error(node, fmt::format("it holds more than {} values, aliases resolved", kMaxNodes));
    if (depth > kMaxDepth) return Error(node, fmt::format("it is nested deeper than {} levels", kMaxDepth));
    if (node.IsScalar()) return Scalar(node);
    if (node.IsMap()) return Map(node, depth);
    if (!node.IsSequence()) return nlohmann::json(nullptr);
    nlohmann::json out = nlohmann::json::array();
    for (const YAML::Node& item : node) {
      SLIPWAY_ASSIGN_OR_RETURN(nlohmann::json value, Convert(item, depth + 1));
      out.push_back(std::move(value));
    }
    return out;
  }

  Status Error(const YAML::Node& node, std::string_view what) const { return At(node.Mark(), what); }
  Status At(const YAML::Mark& mark, std::string_view what) const {
    if (mark.is_null()) return InvalidArgument("{}: {}", name_, what);
    return InvalidArgument("{}:{}:{}: {}", name_, mark.line + 1, mark.column + 1, what);
  }

 private:
  static nlohmann::json Scalar(const YAML::Node& node) {
    // "!" is a quoted text, an explicit tag is its own word.
    if (node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str") return node.Scalar();
    return Resolve(node.Scalar());
  }

  Result<nlohmann::json> Map(const YAML::Node& node, int depth) {
    nlohmann::json out = nlohmann::json::object();
    nlohmann::json merged = nlohmann::json::object();
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) return Error(entry.first, "a key must be a text");
      if (entry.first.Scalar() == "<<" && entry.first.Tag() != "!") {
        SLIPWAY_RETURN_IF_ERROR(Merge(entry.second, depth, &merged));
        continue;
      }
      SLIPWAY_ASSIGN_OR_RETURN(out[entry.first.Scalar()], Convert(entry.second, depth + 1));
    }
    // What stands in the mapping itself wins.
    for (auto& [key, value] : merged.items()) out.emplace(key, std::move(value));
    return out;
  }

  Status Merge(const YAML::Node& node, int depth, nlohmann::json* merged) {
    if (node.IsSequence()) {
      for (const YAML::Node& item : node) SLIPWAY_RETURN_IF_ERROR(MergeOne(item, depth, merged));
      return {};
    }
    return MergeOne(node, depth, merged);
  }

  Status MergeOne(const YAML::Node& node, int depth, nlohmann::json* merged) {
    if (!node.IsMap()) return Error(node, "'<<' takes a mapping or a list of mappings");
    SLIPWAY_ASSIGN_OR_RETURN(const nlohmann::json value, Convert(node, depth + 1));
    for (const auto& [key, item] : value.items()) merged->emplace(key, item);
    return {};
  }

  std::string_view name_;
  size_t nodes_ = 0;
};

}  // namespace

Result<nlohmann::json> ParseValues(std::string_view name, std::string_view yaml) {
  Converter converter(name);
  if (yaml.size() > kMaxBytes) return InvalidArgument("{}: a values file has at most {} bytes", name, kMaxBytes);
  try {
    const YAML::Node root = YAML::Load(std::string(yaml));
    if (root.IsNull()) return nlohmann::json(nlohmann::json::object());
    if (!root.IsMap()) return converter.Error(root, "a values file is a mapping of names to values");
    return converter.Convert(root, 0);
  } catch (const YAML::Exception& e) {
    return converter.At(e.mark, e.msg);
  }
}

Status SetValues(std::span<const std::string> assignments, nlohmann::json& values) {
  for (size_t i = 0; i < assignments.size(); ++i) {
    const size_t equals = assignments[i].find('=');
    if (equals == std::string::npos) {
      return InvalidArgument("parse value {} of --set: there is no '=' in it; write key=value", i + 1);
    }
    if (equals == 0)
      return InvalidArgument("parse value {} of --set: there is no key before '='; write key=value", i + 1);
    values[assignments[i].substr(0, equals)] = assignments[i].substr(equals + 1);
  }
  return {};
}

std::string ShellQuote(std::string_view text) {
  static constexpr std::string_view kPlain = "_^@=+%,:./-";
  const auto plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kPlain.find(c) != std::string_view::npos;
  };
  if (!text.empty() && std::all_of(text.begin(), text.end(), plain)) return std::string(text);
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\"'\"'") : std::string(1, c);
  return out + "'";
}

}  // namespace slipway::run_template
