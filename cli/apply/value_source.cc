#include "cli/apply/value_source.h"

#include <cstdlib>

#include "cli/secret_flag.h"
#include "executor/base/fs.h"
#include "executor/base/utf8.h"

namespace slipway::cli {

Result<std::string> ReadValueFrom(std::string_view source, const std::string& folder) {
  constexpr std::string_view kVariable = "env:";
  constexpr std::string_view kFile = "file:";
  if (source.starts_with(kVariable)) {
    const std::string name(source.substr(kVariable.size()));
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return NotFound("the variable '{}' is not set", name);
    return std::string(value);
  }
  if (!source.starts_with(kFile)) {
    return InvalidArgument("'{}' is neither env:NAME nor file:PATH", source);
  }
  std::string path(source.substr(kFile.size()));
  if (!path.starts_with('/') && !folder.empty()) path = fs::Join(folder, path);
  SLIPWAY_ASSIGN_OR_RETURN(std::string text, fs::ReadFile(path, kMaxSecretBytes));
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

}  // namespace slipway::cli
