#include "cli/task/output.h"

#include <unistd.h>

#include <cctype>
#include <map>
#include <set>

#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "cli/terminal.h"

namespace slipway::cli {

namespace {

using Json = nlohmann::ordered_json;

// What would be no text if it stood there without quotes; the emitter sees to all else.
bool LooksLikeNoText(const std::string& text) {
  static const std::set<std::string> kWords = {"~", "null", "true", "false", "yes", "no", "on", "off", "y", "n"};
  std::string lower;
  for (const char c : text) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (kWords.contains(lower)) return true;
  return lower.find_first_not_of("0123456789.+-_:xoabcdef") == std::string::npos &&
         lower.find_first_of("0123456789") != std::string::npos;
}

// A block shows lines as they are; what it cannot keep to the byte is quoted.
bool FitsBlock(const std::string& text) {
  return text.size() > 1 && text.ends_with('\n') && !text.ends_with("\n\n") && text.front() != ' ' &&
         text.front() != '\n' && text.find_first_of("\t\r") == std::string::npos &&
         text.find(" \n") == std::string::npos;
}

void EmitText(const std::string& text, YAML::Emitter* out) {
  if (FitsBlock(text)) {
    *out << YAML::Literal << text;
  } else if (LooksLikeNoText(text) || text.find('\n') != std::string::npos) {
    *out << YAML::DoubleQuoted << text;
  } else {
    *out << text;
  }
}

void Emit(const Json& json, YAML::Emitter* out) {
  if (json.is_object()) {
    if (json.empty()) *out << YAML::Flow;
    *out << YAML::BeginMap;
    for (const auto& [key, value] : json.items()) {
      *out << YAML::Key;
      EmitText(key, out);
      *out << YAML::Value;
      Emit(value, out);
    }
    *out << YAML::EndMap;
  } else if (json.is_array()) {
    if (json.empty()) *out << YAML::Flow;
    *out << YAML::BeginSeq;
    for (const Json& item : json) Emit(item, out);
    *out << YAML::EndSeq;
  } else if (json.is_string()) {
    EmitText(json.get_ref<const std::string&>(), out);
  } else {
    *out << json.dump();
  }
}

void PrintAs(Form form, const Json& json, const std::string& table) {
  switch (form) {
    case Form::kJson: Print(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"); break;
    case Form::kTable: Print(table); break;
    case Form::kYaml: Print(YamlText(json)); break;
    case Form::kNone: break;
  }
}

}  // namespace

void AddFormOption(CLI::App& command, FormChoice* form) {
  static const std::map<std::string, Form> kForms = {
      {"json", Form::kJson}, {"table", Form::kTable}, {"yaml", Form::kYaml}, {"none", Form::kNone}};
  command
      .add_option_function<std::string>(
          "-o,--output", [form](const std::string& name) { *form = kForms.at(name); },
          "Print what comes out as 'json', 'table' or 'yaml', or nothing: 'none'")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"json", "table", "yaml", "none"}));
}

void PrintOne(const FormChoice& form, const Json& json, const std::string& table) {
  PrintAs(form.value_or(Form::kJson), json, table);
}

void PrintList(const FormChoice& form, const Json& json, const std::string& table) {
  PrintAs(form.value_or(::isatty(STDOUT_FILENO) == 1 ? Form::kTable : Form::kJson), json, table);
}

std::string YamlText(const Json& json) {
  YAML::Emitter out;
  Emit(json, &out);
  return std::string(out.c_str()) + "\n";
}

}  // namespace slipway::cli
