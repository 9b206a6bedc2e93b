#include "cli/argument_words.h"

#include <cstdlib>

namespace slipway::cli {

CLI::Option* AddRepeated(CLI::App& command, const std::string& name, std::vector<std::string>* values,
                         const std::string& type, const std::string& help) {
  return command.add_option(name, *values, help)->type_name(type)->allow_extra_args(false);
}

std::string CheckPair(const std::string& text) {
  if (text.empty() || text.front() == '=') return "'" + text + "' has no name; write NAME=VALUE";
  return "";
}

void AppendArguments(const std::vector<std::string>& texts, bool secret, Unsaid unsaid,
                     google::protobuf::RepeatedPtrField<v1::Argument>* out) {
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    const char* variable = equals == std::string::npos ? std::getenv(text.c_str()) : nullptr;
    if (unsaid == Unsaid::kEnvironmentIfSet && equals == std::string::npos && variable == nullptr) continue;
    v1::Argument* argument = out->Add();
    argument->set_name(text.substr(0, equals));
    argument->set_is_secret(secret);
    if (equals != std::string::npos) {
      argument->set_value(text.substr(equals + 1));
    } else if (unsaid != Unsaid::kEmpty && variable != nullptr) {
      argument->set_value(variable);
    }
  }
}

}  // namespace slipway::cli
