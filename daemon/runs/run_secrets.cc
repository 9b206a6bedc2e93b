#include "daemon/runs/run_secrets.h"

#include <nlohmann/json.hpp>

#include "daemon/runs/secret_bytes.h"
#include "executor/http/url.h"

namespace slipway::runs {

namespace {
using Json = nlohmann::json;

// Lines of a secret that are looked for one by one. Shorter ones ("}", "---") would hide half of a log.
constexpr size_t kShortestLine = 8;
constexpr size_t kMostLines = 500;

// Takes the secrets out of a request's source, named values and (if it has any) inputs.
std::string Take(std::string* source, std::vector<builder::NamedValue>* values, task::QuickBuildInputs* inputs) {
  Json arguments = Json::object();
  for (size_t i = 0; i < values->size(); ++i) {
    builder::NamedValue& value = (*values)[i];
    if (!value.secret) continue;
    arguments[std::to_string(i)] = SecretBytes(value.value);
    value.value.clear();
  }
  Json secrets = Json::array();
  Json contexts = Json::object();
  if (inputs != nullptr) {
    for (builder::Secret& secret : inputs->secrets) secrets.push_back(SecretBytes(std::exchange(secret.value, {})));
    for (auto& [name, location] : inputs->build_contexts) {
      if (task::SecretOfUrl(location).empty()) continue;
      contexts[name] = SecretBytes(location);
      location = task::WithoutSecret(location);
    }
  }
  Json json = Json::object();
  if (!secrets.empty()) json["secrets"] = std::move(secrets);
  if (!contexts.empty()) json["contexts"] = std::move(contexts);
  if (!arguments.empty()) json["arguments"] = std::move(arguments);
  if (!task::SecretOfUrl(*source).empty()) {
    json["source"] = SecretBytes(*source);
    *source = task::WithoutSecret(*source);
  }
  if (json.empty()) return "";
  const std::vector<uint8_t> cbor = Json::to_cbor(json);
  return {cbor.begin(), cbor.end()};
}

Status PutBack(std::string_view secrets, std::string* source, std::vector<builder::NamedValue>* values,
               task::QuickBuildInputs* inputs) try {
  if (secrets.empty()) return Status();
  const Json json = Json::from_cbor(secrets);
  if (const auto it = json.find("source"); it != json.end()) *source = SecretText(*it);
  if (const auto it = json.find("arguments"); it != json.end()) {
    for (const auto& [index, value] : it->items()) values->at(std::stoul(index)).value = SecretText(value);
  }
  if (inputs == nullptr) return Status();
  if (const auto it = json.find("secrets"); it != json.end()) {
    for (size_t i = 0; i < it->size(); ++i) inputs->secrets.at(i).value = SecretText((*it)[i]);
  }
  if (const auto it = json.find("contexts"); it != json.end()) {
    for (const auto& [name, location] : it->items()) inputs->build_contexts.at(name) = SecretText(location);
  }
  return Status();
} catch (const std::exception&) {
  // The message of the library could hold a part of the text.
  return DataLoss("the stored secrets of the run do not fit its request");
}

// As it stands in the address, and as programs see it.
void AddPassword(std::string_view url, std::vector<std::string>* out) {
  out->push_back(task::SecretOfUrl(url));
  if (std::string decoded = http::PercentDecode(out->back()); decoded != out->back())
    out->push_back(std::move(decoded));
}

std::vector<std::string> Values(const std::string& source, const std::vector<builder::NamedValue>& values) {
  std::vector<std::string> out;
  for (const builder::NamedValue& value : values) {
    if (value.secret) out.push_back(value.value);
  }
  AddPassword(source, &out);
  return out;
}

// Programs print what they read from a file without its last line end, or a line at a time.
void AddSecretTexts(const std::string& value, std::vector<std::string>* out) {
  out->push_back(value);
  std::string_view rest = value;
  while (rest.ends_with('\n') || rest.ends_with('\r')) rest.remove_suffix(1);
  if (rest.size() != value.size()) out->emplace_back(rest);
  if (rest.find('\n') == std::string_view::npos) return;
  for (size_t i = 0; i < kMostLines && !rest.empty(); ++i) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const size_t first = line.find_first_not_of(" \t");
    const size_t last = line.find_last_not_of(" \t\r");
    if (first == std::string_view::npos) continue;
    line = line.substr(first, last + 1 - first);
    if (line.size() >= kShortestLine) out->emplace_back(line);
  }
}

}  // namespace

SplitBuild SplitSecrets(const task::QuickBuild& build) {
  SplitBuild out{.open = build, .secrets = {}};
  out.secrets = Take(&out.open.source_location, &out.open.arguments, &out.open.inputs);
  return out;
}

SplitTask SplitSecrets(const task::FileTask& task) {
  SplitTask out{.open = task, .secrets = {}};
  out.secrets = Take(&out.open.source_location, &out.open.values, nullptr);
  return out;
}

Result<task::QuickBuild> JoinSecrets(task::QuickBuild open, std::string_view secrets) {
  SLIPWAY_RETURN_IF_ERROR(PutBack(secrets, &open.source_location, &open.arguments, &open.inputs));
  return open;
}

Result<task::FileTask> JoinSecrets(task::FileTask open, std::string_view secrets) {
  SLIPWAY_RETURN_IF_ERROR(PutBack(secrets, &open.source_location, &open.values, nullptr));
  return open;
}

std::vector<std::string> SecretValues(const task::QuickBuild& build) {
  std::vector<std::string> out = Values(build.source_location, build.arguments);
  for (const auto& [name, location] : build.inputs.build_contexts) AddPassword(location, &out);
  for (const builder::Secret& secret : build.inputs.secrets) AddSecretTexts(secret.value, &out);
  return out;
}

std::vector<std::string> SecretValues(const task::FileTask& task) { return Values(task.source_location, task.values); }

}  // namespace slipway::runs
