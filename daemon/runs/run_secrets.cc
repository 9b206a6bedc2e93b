#include "daemon/runs/run_secrets.h"

#include <nlohmann/json.hpp>

namespace slipway::runs {

namespace {
using Json = nlohmann::json;

// Values may be any bytes; texts of JSON are UTF-8 only.
Json Bytes(const std::string& text) { return Json::binary({text.begin(), text.end()}); }
std::string Text(const Json& json) {
  const Json::binary_t& bytes = json.get_binary();
  return {bytes.begin(), bytes.end()};
}

// Takes the secrets out of a request's source and named values.
std::string Take(std::string* source, std::vector<builder::NamedValue>* values) {
  Json arguments = Json::object();
  for (size_t i = 0; i < values->size(); ++i) {
    builder::NamedValue& value = (*values)[i];
    if (!value.secret) continue;
    arguments[std::to_string(i)] = Bytes(value.value);
    value.value.clear();
  }
  Json json = Json::object();
  if (!arguments.empty()) json["arguments"] = std::move(arguments);
  if (!task::SecretOfUrl(*source).empty()) {
    json["source"] = Bytes(*source);
    *source = task::WithoutSecret(*source);
  }
  if (json.empty()) return "";
  const std::vector<uint8_t> cbor = Json::to_cbor(json);
  return {cbor.begin(), cbor.end()};
}

Status PutBack(std::string_view secrets, std::string* source, std::vector<builder::NamedValue>* values) try {
  if (secrets.empty()) return Status();
  const Json json = Json::from_cbor(secrets);
  if (const auto it = json.find("source"); it != json.end()) *source = Text(*it);
  if (const auto it = json.find("arguments"); it != json.end()) {
    for (const auto& [index, value] : it->items()) values->at(std::stoul(index)).value = Text(value);
  }
  return Status();
} catch (const std::exception&) {
  // The message of the library could hold a part of the text.
  return DataLoss("the stored secrets of the run do not fit its request");
}

std::vector<std::string> Values(const std::string& source, const std::vector<builder::NamedValue>& values) {
  std::vector<std::string> out;
  for (const builder::NamedValue& value : values) {
    if (value.secret) out.push_back(value.value);
  }
  out.push_back(task::SecretOfUrl(source));
  return out;
}

}  // namespace

SplitBuild SplitSecrets(const task::QuickBuild& build) {
  SplitBuild out{.open = build, .secrets = {}};
  out.secrets = Take(&out.open.source_location, &out.open.arguments);
  return out;
}

SplitTask SplitSecrets(const task::FileTask& task) {
  SplitTask out{.open = task, .secrets = {}};
  out.secrets = Take(&out.open.source_location, &out.open.values);
  return out;
}

Result<task::QuickBuild> JoinSecrets(task::QuickBuild open, std::string_view secrets) {
  SLIPWAY_RETURN_IF_ERROR(PutBack(secrets, &open.source_location, &open.arguments));
  return open;
}

Result<task::FileTask> JoinSecrets(task::FileTask open, std::string_view secrets) {
  SLIPWAY_RETURN_IF_ERROR(PutBack(secrets, &open.source_location, &open.values));
  return open;
}

std::vector<std::string> SecretValues(const task::QuickBuild& build) {
  return Values(build.source_location, build.arguments);
}

std::vector<std::string> SecretValues(const task::FileTask& task) { return Values(task.source_location, task.values); }

}  // namespace slipway::runs
