// What comes out of the task commands: JSON in ACR's model, a table, or YAML that `slipway apply` takes.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "cli/command.h"

namespace slipway::cli {

enum class Form { kJson, kTable, kYaml, kNone };

/// Unset: JSON, but lists on a terminal as a table.
using FormChoice = std::optional<Form>;

/// Adds `-o json|table|yaml|none`.
void AddFormOption(CLI::App& command, FormChoice* form);

/// To standard output.
void PrintOne(const FormChoice& form, const nlohmann::ordered_json& json, const std::string& table);
void PrintList(const FormChoice& form, const nlohmann::ordered_json& json, const std::string& table);

/// Block style; texts of several lines as they are.
std::string YamlText(const nlohmann::ordered_json& json);

}  // namespace slipway::cli
