#include "executor/runtime/host.h"

#include <sys/utsname.h>

#include <charconv>

#include "executor/base/fs.h"
#include "executor/runtime/text.h"

namespace slipway::runtime {

std::string_view ProcStatusField(std::string_view status_text, std::string_view field) {
  for (const std::string_view line : SplitLines(status_text)) {
    if (!line.starts_with(field) || line.size() == field.size() || line[field.size()] != ':') continue;
    const auto words = SplitWords(line.substr(field.size() + 1));
    return words.empty() ? std::string_view() : words[0];
  }
  return {};
}

BundleContext HostFacts() {
  BundleContext facts;
  utsname names{};
  if (::uname(&names) == 0) facts.machine = names.machine;
  const std::string file_systems = fs::ReadFile("/proc/filesystems", 1U << 20).ValueOr("");
  for (const std::string_view line : SplitLines(file_systems)) {
    const auto words = SplitWords(line);
    if (!words.empty()) facts.file_systems.emplace(words.back());
  }
  facts.has_loop_devices = fs::Exists("/dev/loop-control");
  const std::string status = fs::ReadFile("/proc/self/status", 1U << 20).ValueOr("");
  const std::string_view bounds = ProcStatusField(status, "CapBnd");
  std::from_chars(bounds.data(), bounds.data() + bounds.size(), facts.capability_bounds, 16);
  return facts;
}

}  // namespace slipway::runtime
