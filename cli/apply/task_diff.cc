#include "cli/apply/task_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/task/task_json.h"
#include "cli/text_width.h"

namespace slipway::cli {

namespace {

using Json = nlohmann::ordered_json;
using Facts = std::vector<std::pair<std::string, std::string>>;  // path and value, in order

constexpr size_t kMostCells = 4'000'000;  // of the table for the lines of two texts

std::string Shown(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// What tells the items of a list apart.
std::string KeyOf(const Json& item, size_t index) {
  return item.is_object() && item.contains("name") ? Shown(item["name"]) : std::to_string(index);
}

void Flatten(const std::string& path, const Json& value, Facts* facts) {
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) Flatten(path.empty() ? key : path + "." + key, member, facts);
  } else if (value.is_array()) {
    for (size_t i = 0; i < value.size(); ++i) Flatten(fmt::format("{}[{}]", path, KeyOf(value[i], i)), value[i], facts);
  } else {
    facts->emplace_back(path, Shown(value));
  }
}

Facts FactsOf(const v1::Task& task) {
  v1::Task plain = task;
  plain.clear_create_time();
  plain.clear_last_updated_time();
  plain.clear_etag();
  plain.clear_base_image_dependencies();
  for (v1::TimerTrigger& timer : *plain.mutable_timer_triggers()) timer.clear_next_time();
  for (v1::SourceTrigger& source : *plain.mutable_source_triggers()) source.clear_webhook_path();
  Facts facts;
  Flatten("", TaskJson(plain, TaskText::kPlain), &facts);
  return facts;
}

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

void Append(char sign, std::string_view line, std::string* out) {
  *out += fmt::format("  {} {}\n", sign, Harmless(line));
}

// The lines that only one of two texts has, by their longest common subsequence.
void AppendLines(std::string_view was, std::string_view is, std::string* out) {
  const auto a = Lines(was);
  const auto b = Lines(is);
  if (a.size() * b.size() > kMostCells) {
    out->append("    (more lines than can be compared)\n");
    return;
  }
  std::vector<std::vector<uint32_t>> common(a.size() + 1, std::vector<uint32_t>(b.size() + 1));
  for (size_t i = a.size(); i-- > 0;) {
    for (size_t j = b.size(); j-- > 0;) {
      common[i][j] = a[i] == b[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  for (size_t i = 0, j = 0; i < a.size() || j < b.size();) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      ++i, ++j;
    } else if (j == b.size() || (i < a.size() && common[i + 1][j] >= common[i][j + 1])) {
      Append('-', fmt::format("  {}", a[i++]), out);
    } else {
      Append('+', fmt::format("  {}", b[j++]), out);
    }
  }
}

void AppendFact(char sign, const std::string& path, const std::string& value, std::string* out) {
  if (value.find('\n') == std::string::npos) return Append(sign, fmt::format("{}: {}", path, value), out);
  Append(sign, path + ":", out);
  for (const std::string_view line : Lines(value)) Append(sign, fmt::format("  {}", line), out);
}

void AppendChange(const std::string& path, const std::string& was, const std::string& is, std::string* out) {
  if (was.find('\n') != std::string::npos && is.find('\n') != std::string::npos) {
    *out += fmt::format("    {}:\n", Harmless(path));
    return AppendLines(was, is, out);
  }
  AppendFact('-', path, was, out);
  AppendFact('+', path, is, out);
}

}  // namespace

std::string TaskDiff(const v1::Task& was, const v1::Task& will_be) {
  const Facts before = FactsOf(was);
  const Facts after = FactsOf(will_be);
  std::map<std::string, std::string> rest(after.begin(), after.end());
  std::string out;
  for (const auto& [path, value] : before) {
    const auto now = rest.find(path);
    if (now == rest.end()) {
      AppendFact('-', path, value, &out);
      continue;
    }
    if (now->second != value) AppendChange(path, value, now->second, &out);
    rest.erase(now);
  }
  for (const auto& [path, value] : after) {
    if (rest.erase(path) > 0) AppendFact('+', path, value, &out);
  }
  return out;
}

}  // namespace slipway::cli
