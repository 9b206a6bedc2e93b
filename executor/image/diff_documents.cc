#include "executor/image/diff_documents.h"

#include <map>
#include <set>

#include <nlohmann/json.hpp>

namespace slipway::image {

namespace {

using Json = nlohmann::json;
/// Fields by their path ("config.Env.PATH"), as text.
using Fields = std::map<std::string, std::string>;

Result<Json> ParseJson(std::string_view text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return InvalidArgument("a document of an image is no JSON object");
  return json;
}

std::string Text(const Json& json) {
  return json.is_string() ? json.get<std::string>() : json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void AddEnv(const Json& env, const std::string& path, Fields& fields) {
  for (const Json& item : env) {
    const std::string text = Text(item);
    const size_t equals = text.find('=');
    fields[fmt::format("{}.{}", path, text.substr(0, equals))] =
        equals == std::string::npos ? "" : text.substr(equals + 1);
  }
}

void Flatten(const Json& json, const std::string& path, Fields& fields) {
  if (json.is_object() && !json.empty()) {
    for (const auto& [key, value] : json.items())
      Flatten(value, path.empty() ? key : fmt::format("{}.{}", path, key), fields);
  } else if (json.is_array() && path == "config.Env") {
    AddEnv(json, path, fields);
  } else {
    fields[path] = Text(json);
  }
}

Status Compare(std::string_view part, const Fields& first, const Fields& second, const DifferenceSink& sink) {
  std::set<std::string> names;
  for (const auto& [name, value] : first) names.insert(name);
  for (const auto& [name, value] : second) names.insert(name);
  for (const std::string& name : names) {
    const auto a = first.find(name);
    const auto b = second.find(name);
    Difference difference{
        .part = std::string(part), .name = name, .layer = "", .aspect = "", .first = {}, .second = {}};
    if (a != first.end()) difference.first = a->second;
    if (b != second.end()) difference.second = b->second;
    if (difference.first == difference.second) continue;
    if (difference.first && difference.second) difference.aspect = "value";
    SLIPWAY_RETURN_IF_ERROR(sink(difference));
  }
  return Status();
}

Result<Fields> FieldsWithout(std::string_view document, std::initializer_list<const char*> left_out) {
  SLIPWAY_ASSIGN_OR_RETURN(Json json, ParseJson(document));
  for (const char* key : left_out) json.erase(key);
  Fields fields;
  Flatten(json, "", fields);
  return fields;
}

}  // namespace

Status DiffManifests(std::string_view first, std::string_view second, const DifferenceSink& sink) {
  SLIPWAY_ASSIGN_OR_RETURN(const Fields a, FieldsWithout(first, {"config", "layers"}));
  SLIPWAY_ASSIGN_OR_RETURN(const Fields b, FieldsWithout(second, {"config", "layers"}));
  return Compare("manifest", a, b, sink);
}

Status DiffConfigs(std::string_view first, std::string_view second, const DifferenceSink& sink) {
  SLIPWAY_ASSIGN_OR_RETURN(const Fields a, FieldsWithout(first, {"history", "rootfs"}));
  SLIPWAY_ASSIGN_OR_RETURN(const Fields b, FieldsWithout(second, {"history", "rootfs"}));
  return Compare("config", a, b, sink);
}

Status DiffHistories(std::string_view first_config, std::string_view second_config, const DifferenceSink& sink) {
  SLIPWAY_ASSIGN_OR_RETURN(const Json first, ParseJson(first_config));
  SLIPWAY_ASSIGN_OR_RETURN(const Json second, ParseJson(second_config));
  const Json a = first.value("history", Json::array());
  const Json b = second.value("history", Json::array());
  for (size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    if (i >= a.size() || i >= b.size()) {
      const Json& entry = i < a.size() ? a[i] : b[i];
      const std::string by =
          entry.is_object() && entry.contains("created_by") ? Text(entry["created_by"]) : Text(entry);
      Difference difference{
          .part = "history", .name = std::to_string(i), .layer = "", .aspect = "", .first = {}, .second = {}};
      (i < a.size() ? difference.first : difference.second) = by;
      SLIPWAY_RETURN_IF_ERROR(sink(difference));
      continue;
    }
    Fields left;
    Fields right;
    Flatten(a[i], "", left);
    Flatten(b[i], "", right);
    const auto add = [&](const Difference& field) {
      Difference difference = field;
      difference.aspect = field.name;
      difference.name = std::to_string(i);
      return sink(difference);
    };
    SLIPWAY_RETURN_IF_ERROR(Compare("history", left, right, add));
  }
  return Status();
}

}  // namespace slipway::image
