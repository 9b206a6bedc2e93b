#include "cli/platform.h"

#include <algorithm>
#include <array>

#include "executor/base/ascii.h"

namespace slipway::cli {

std::string CheckPlatform(const std::string& text) {
  const bool bad_edge = text.empty() || text.front() == '/' || text.back() == '/';
  if (bad_edge || std::count(text.begin(), text.end(), '/') > 2 || text.find("//") != std::string::npos) {
    return "'" + text + "' is not of the form os[/arch[/variant]]";
  }
  return "";
}

slipway::v1::Platform ParsePlatform(std::string text) {
  text = LowerAscii(text);
  std::array<std::string, 3> parts;
  size_t at = 0;
  for (std::string& part : parts) {
    const size_t slash = std::min(text.find('/', at), text.size());
    part = text.substr(at, slash - at);
    at = std::min(slash + 1, text.size());
  }
  slipway::v1::Platform platform;
  platform.set_os(parts[0]);
  platform.set_architecture(parts[1]);
  platform.set_variant(parts[2]);
  return platform;
}

}  // namespace slipway::cli
