// Data: what a template sees. `.Run.*`, `.Build.ID`, `.Values.*`, `.Secrets.*`, `.ValuesJSON` and `.RunJSON`.
//
// Values come from a YAML file and from "key=value" arguments, whose keys win. A plain value; no thread-safety of its
// own.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "executor/base/status.h"
#include "steps/template/run_values.h"

namespace slipway::run_template {

struct Data {
  RunValues run;                                     ///< .Run.*, .Build.ID, .RunJSON
  nlohmann::json values = nlohmann::json::object();  ///< .Values.*, .ValuesJSON: an object
  std::map<std::string, std::string> secrets;        ///< .Secrets.<id>; printed as they are, masking is the log's task
};

/// A values file: a YAML mapping, scalars typed as YAML 1.1 has them (010 is 8, yes is true). An empty text is an empty
/// object. INVALID_ARGUMENT with `name`, line and column for what is not YAML, not a mapping or past the limits of
/// depth and size (aliases count with what they stand for).
Result<nlohmann::json> ParseValues(std::string_view name, std::string_view yaml);

/// "--set" arguments over `values`: text up to the first '=' is a top-level key as it stands, the rest a string.
/// INVALID_ARGUMENT without a '=' or a key. Values are not repeated in the error: they may be secret.
Status SetValues(std::span<const std::string> assignments, nlohmann::json& values);

/// `text` as one word of a POSIX shell: '' if empty, as it is if only [A-Za-z0-9_^@=+%,:./-], else in single quotes.
std::string ShellQuote(std::string_view text);

}  // namespace slipway::run_template
