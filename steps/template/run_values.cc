#include "steps/template/run_values.h"

#include <fmt/chrono.h>

#include <array>
#include <optional>

#include "executor/base/near_miss.h"

namespace slipway::run_template {

namespace {

constexpr std::array<std::string_view, 8> kKnown = {".Run.ID", ".Run.Registry",     ".Run.RegistryName", ".Run.Date",
                                                    ".Run.OS", ".Run.Architecture", ".Run.TaskName",     ".Build.ID"};
constexpr std::string_view kBlank = " \t\r\n";

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::optional<std::string> Find(std::string_view name, const RunValues& values) {
  if (name == ".Run.ID" || name == ".Build.ID") return values.id;
  if (name == ".Run.Registry") return values.registry;
  if (name == ".Run.RegistryName") return values.registry.substr(0, values.registry.find_first_of(".:"));
  if (name == ".Run.Date") return FormatRunDate(values.date);
  if (name == ".Run.OS") return values.os;
  if (name == ".Run.Architecture") return values.architecture;
  if (name == ".Run.TaskName") return values.task_name;
  return std::nullopt;
}

// The inside of "{{ … }}" without its trim marks, which Go wants set off by white space.
struct Expression {
  std::string_view name;
  bool trim_before = false;
  bool trim_after = false;
};

Expression ReadExpression(std::string_view inside) {
  Expression out;
  if (inside.size() > 1 && inside.front() == '-' && kBlank.find(inside[1]) != std::string_view::npos) {
    out.trim_before = true;
    inside.remove_prefix(1);
  }
  if (inside.size() > 1 && inside.back() == '-' && kBlank.find(inside[inside.size() - 2]) != std::string_view::npos) {
    out.trim_after = true;
    inside.remove_suffix(1);
  }
  out.name = Trim(inside);
  return out;
}

}  // namespace

std::string FormatRunDate(SystemTime time) {
  return fmt::format("{:%Y%m%d-%H%M%S}z", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

Result<std::string> Render(std::string_view text, const RunValues& values) {
  std::string out;
  while (true) {
    const size_t open = text.find("{{");
    out.append(text.substr(0, open));
    if (open == std::string_view::npos) return out;
    const size_t close = text.find("}}", open + 2);
    if (close == std::string_view::npos) return InvalidArgument("'{}' has no closing '}}}}'", text.substr(open));
    const Expression expression = ReadExpression(text.substr(open + 2, close - open - 2));
    const std::optional<std::string> value = Find(expression.name, values);
    if (!value) {
      return InvalidArgument("the template expression '{}' is not supported here{}",
                             text.substr(open, close + 2 - open), DidYouMean(expression.name, kKnown));
    }
    if (expression.trim_before) out.erase(out.find_last_not_of(kBlank) + 1);
    out.append(*value);
    text.remove_prefix(close + 2);
    if (expression.trim_after) text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size()));
  }
}

}  // namespace slipway::run_template
