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
}  // namespace

SplitBuild SplitSecrets(const task::QuickBuild& build) {
  SplitBuild out{.open = build, .secrets = {}};
  Json arguments = Json::object();
  for (size_t i = 0; i < build.arguments.size(); ++i) {
    if (!build.arguments[i].secret) continue;
    arguments[std::to_string(i)] = Bytes(build.arguments[i].value);
    out.open.arguments[i].value.clear();
  }
  Json json = Json::object();
  if (!arguments.empty()) json["arguments"] = std::move(arguments);
  if (!task::SecretOfUrl(build.source_location).empty()) {
    json["source"] = Bytes(build.source_location);
    out.open.source_location = task::WithoutSecret(build.source_location);
  }
  if (json.empty()) return out;
  const std::vector<uint8_t> cbor = Json::to_cbor(json);
  out.secrets.assign(cbor.begin(), cbor.end());
  return out;
}

Result<task::QuickBuild> JoinSecrets(task::QuickBuild open, std::string_view secrets) try {
  if (secrets.empty()) return open;
  const Json json = Json::from_cbor(secrets);
  if (const auto it = json.find("source"); it != json.end()) open.source_location = Text(*it);
  if (const auto it = json.find("arguments"); it != json.end()) {
    for (const auto& [index, value] : it->items()) open.arguments.at(std::stoul(index)).value = Text(value);
  }
  return open;
} catch (const std::exception&) {
  // The message of the library could hold a part of the text.
  return DataLoss("the stored secrets of the run do not fit its request");
}

std::vector<std::string> SecretValues(const task::QuickBuild& build) {
  std::vector<std::string> out;
  for (const builder::NamedValue& argument : build.arguments) {
    if (argument.secret) out.push_back(argument.value);
  }
  out.push_back(task::SecretOfUrl(build.source_location));
  return out;
}

}  // namespace slipway::runs
