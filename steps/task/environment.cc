#include "steps/task/environment.h"

#include <algorithm>
#include <set>

namespace slipway::task {

namespace {

// "NAME='VALUE'" and "'NAME=VALUE'" as a shell reads them; anything else as it is.
std::string WithoutQuotes(std::string_view entry) {
  const auto wrapped = [](std::string_view text) {
    return text.size() >= 2 && (text[0] == '\'' || text[0] == '"') && text.find(text[0], 1) == text.size() - 1;
  };
  if (wrapped(entry)) return std::string(entry.substr(1, entry.size() - 2));
  const size_t value = entry.find('=') + 1;
  if (!wrapped(entry.substr(value))) return std::string(entry);
  return fmt::format("{}{}", entry.substr(0, value), entry.substr(value + 1, entry.size() - value - 2));
}

std::string NameOf(std::string_view entry) { return std::string(entry.substr(0, entry.find('='))); }

template <typename... Args>
Status Bad(const std::string& file, Position position, fmt::format_string<Args...> format, Args&&... args) {
  return InvalidArgument("{}{}", PlacePrefix(file, position), fmt::format(format, std::forward<Args>(args)...));
}

Result<std::vector<std::string>> OfTask(const std::string& file, const PlacedList& task) {
  std::vector<std::string> out;
  for (const PlacedText& entry : task.value) {
    bool first = true;
    for (std::string_view rest = entry.value; first || !rest.empty(); first = false) {
      const size_t comma = std::min(rest.find(','), rest.size());
      const std::string_view piece = rest.substr(0, comma);
      const bool named = piece.find('=') != std::string_view::npos && piece[0] != '=';
      if (named) {
        out.emplace_back(piece);
      } else if (first) {
        return Bad(file, entry.position, "the environment entry '{}' of the task is not of the form NAME=VALUE",
                   entry.value);
      } else {
        out.back().append(",").append(piece);
      }
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  for (std::string& entry : out) entry = WithoutQuotes(entry);
  return out;
}

}  // namespace

Result<std::vector<std::string>> MergeEnvironment(const std::string& file, const PlacedList& task,
                                                  const PlacedList& step, std::vector<std::string>* warnings) {
  std::vector<std::string> out;
  std::set<std::string> own;
  for (const PlacedText& entry : step.value) {
    const size_t equals = entry.value.find('=');
    if (equals == std::string::npos && !task.value.empty()) {
      return Bad(file, entry.position, "the environment entry '{}' is not of the form NAME=VALUE", entry.value);
    }
    if (equals == std::string::npos) {
      warnings->push_back(
          fmt::format("{}'{}' has no value and is left out: a step sees no environment to take one from",
                      PlacePrefix(file, entry.position), entry.value));
      continue;
    }
    if (equals == 0) return Bad(file, entry.position, "an environment entry has no name: '{}'", entry.value);
    out.push_back(WithoutQuotes(entry.value));
    own.insert(NameOf(out.back()));
  }
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> inherited, OfTask(file, task));
  for (const std::string& entry : inherited) {
    if (!own.contains(NameOf(entry))) out.push_back(entry);
  }
  return out;
}

}  // namespace slipway::task
