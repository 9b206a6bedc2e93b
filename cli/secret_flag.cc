#include "cli/secret_flag.h"

#include <array>
#include <cstdlib>

#include "executor/base/ascii.h"
#include "executor/base/flag_values.h"
#include "executor/base/fs.h"
#include "executor/base/near_miss.h"

namespace slipway::cli {

namespace {

constexpr std::array<std::string_view, 5> kKeys = {"id", "src", "source", "env", "type"};

Status TakeField(const std::string& field, SecretFlag* flag, std::string* type) {
  const size_t equals = field.find('=');
  if (equals == std::string::npos) return InvalidArgument("'{}' is not of the form KEY=VALUE", field);
  const std::string key = LowerAscii(field.substr(0, equals));
  const std::string value = field.substr(equals + 1);
  if (key == "id") {
    flag->id = value;
  } else if (key == "src" || key == "source") {
    flag->file = value;
  } else if (key == "env") {
    flag->variable = value;
  } else if (key != "type") {
    return InvalidArgument("unknown key '{}'{}; known: {}", key, DidYouMean(key, kKeys), fmt::join(kKeys, ", "));
  } else if (value == "file" || value == "env") {
    *type = value;
  } else {
    return InvalidArgument("type '{}' is neither file nor env", value);
  }
  return Status();
}

}  // namespace

Result<SecretFlag> ParseSecretFlag(std::string_view text) {
  const auto parse = [&]() -> Result<SecretFlag> {
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> fields, SplitCsv(text));
    SecretFlag flag;
    std::string type;
    for (const std::string& field : fields) SLIPWAY_RETURN_IF_ERROR(TakeField(field, &flag, &type));
    if (flag.id.empty()) return InvalidArgument("there is no id; write id=NAME");
    // With type=env the source names a variable.
    if (type == "env" && flag.variable.empty()) flag.variable = std::exchange(flag.file, "");
    if (!flag.variable.empty()) flag.file.clear();
    if (!flag.variable.empty() || !flag.file.empty()) return flag;
    const bool from_environment = type == "env" || (type.empty() && std::getenv(flag.id.c_str()) != nullptr);
    (from_environment ? flag.variable : flag.file) = flag.id;
    return flag;
  };
  return parse().With(fmt::format("--secret '{}'", text));
}

Result<std::string> ReadSecret(const SecretFlag& flag) {
  if (!flag.variable.empty()) {
    const char* value = std::getenv(flag.variable.c_str());
    std::string text = value == nullptr ? "" : value;
    if (text.size() <= kMaxSecretBytes) return text;
    return ResourceExhausted("secret '{}' has {} bytes; the limit is {}", flag.id, text.size(), kMaxSecretBytes);
  }
  return fs::ReadFile(flag.file, kMaxSecretBytes).With(fmt::format("secret '{}'", flag.id));
}

}  // namespace slipway::cli
