#include "daemon/runs/run_logins.h"

#include <nlohmann/json.hpp>

#include "daemon/runs/secret_bytes.h"

namespace slipway::runs {

namespace {
using Json = nlohmann::json;
}  // namespace

std::string WithLogins(std::string secrets, const RunLogins& logins) {
  if (logins == RunLogins()) return secrets;
  Json json = secrets.empty() ? Json::object() : Json::from_cbor(secrets);
  for (const RunLogins::Login& login : logins.logins) {
    json["logins"].push_back({SecretBytes(login.server), SecretBytes(login.username), SecretBytes(login.password)});
  }
  json["isolated"] = logins.isolated;
  const std::vector<uint8_t> cbor = Json::to_cbor(json);
  return {cbor.begin(), cbor.end()};
}

Result<RunLogins> LoginsOf(std::string_view secrets) try {
  RunLogins out;
  if (secrets.empty()) return out;
  const Json json = Json::from_cbor(secrets);
  out.isolated = json.value("isolated", false);
  if (const auto logins = json.find("logins"); logins != json.end()) {
    for (const Json& login : *logins) {
      out.logins.push_back({.server = SecretText(login.at(0)),
                            .username = SecretText(login.at(1)),
                            .password = SecretText(login.at(2))});
    }
  }
  return out;
} catch (const std::exception&) {
  // The message of the library could hold a part of the text.
  return DataLoss("the stored logins of the run cannot be read");
}

builder::RegistryAccess MakeAccess(const RunLogins& logins) {
  builder::RegistryAccess out;
  out.isolated = logins.isolated;
  if (logins.logins.empty()) return out;
  std::map<std::string, registry::Credential> by_host;
  for (const RunLogins::Login& login : logins.logins) {
    registry::Credential& credential = by_host[login.server];
    credential.username = login.username;
    (login.username.empty() ? credential.identity_token : credential.password) = login.password;
  }
  out.logins = registry::StaticCredentials(std::move(by_host));
  return out;
}

}  // namespace slipway::runs
