#include "daemon/services/credentials_service.h"

#include <algorithm>

#include "daemon/services/convert.h"
#include "daemon/services/message_check.h"
#include "daemon/services/status.h"
#include "executor/base/log.h"
#include "executor/base/utf8.h"
#include "steps/task/secret_limits.h"

namespace slipway::services {

namespace {

constexpr size_t kLongestName = 1024;
constexpr size_t kLongestPassword = 64U << 10;
constexpr std::string_view kStore = "store:";

store::LoginKind KindOf(v1::CredentialKind kind) {
  return kind == v1::CREDENTIAL_KIND_GIT ? store::LoginKind::kGit : store::LoginKind::kRegistry;
}

void Fill(const store::StoredLogin& from, v1::Credential* out) {
  out->set_kind(static_cast<v1::CredentialKind>(from.kind));
  out->set_host(utf8::Repair(from.host));
  out->set_username(utf8::Repair(from.username));
  out->set_secret(utf8::Repair(from.secret));
  FillTime(from.create_time, out->mutable_create_time());
  FillTime(from.update_time, out->mutable_update_time());
}

bool HasControls(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

void CheckName(const char* field, const std::string& text, task::FieldErrors* errors) {
  if (text.size() > kLongestName) errors->push_back({field, fmt::format("has more than {} bytes", kLongestName)});
  if (HasControls(text)) errors->push_back({field, "holds control characters"});
}

// Either the password, or where it is read.
void CheckPassword(const v1::SetCredentialRequest& request, task::FieldErrors* errors) {
  const bool elsewhere = !request.credential().secret().empty();
  const size_t size = request.password().size();
  if (elsewhere && size != 0)
    errors->push_back({"password", "is given beside credential.secret, where it is to be read"});
  if (elsewhere) return CheckName("credential.secret", request.credential().secret(), errors);
  if (size == 0) {
    errors->push_back({"password", "is empty; give it, or credential.secret"});
  } else if (size < task::kShortestSecret) {
    errors->push_back(
        {"password", fmt::format("has {} bytes; fewer than {} cannot be hidden in logs", size, task::kShortestSecret)});
  } else if (size > kLongestPassword) {
    errors->push_back({"password", fmt::format("has more than {} bytes", kLongestPassword)});
  } else if (HasControls(request.password())) {
    errors->push_back({"password", "holds control characters, such as an end of line"});
  }
}

}  // namespace

grpc::Status CredentialsService::SetCredential(grpc::ServerContext*, const v1::SetCredentialRequest* request,
                                               v1::Credential* response) {
  const v1::Credential& credential = request->credential();
  task::FieldErrors errors = CheckKnown(*request);
  const Result<std::string> host = keyring::LoginHost(KindOf(credential.kind()), credential.host());
  if (!host.ok()) errors.push_back({"credential.host", utf8::Repair(host.status().message())});
  CheckName("credential.username", credential.username(), &errors);
  if (credential.username().find(':') != std::string::npos) {
    errors.push_back({"credential.username", "holds a ':', which ends names of users in HTTP"});
  }
  CheckPassword(*request, &errors);
  if (!errors.empty()) return BadFields(errors);
  const std::string address = keyring::SecretAddress(credential.secret());
  if (address.starts_with(kStore)) {
    // Of other places it is not known whether they can be reached now.
    const Result<std::string> value = secrets_.Get(address.substr(kStore.size()));
    if (value.code() == Code::kNotFound) return Refuse(value.status(), "SECRET_NOT_FOUND", {{"secret", address}});
    if (!value.ok()) return ToGrpc(value.status());
  }
  const Result<store::StoredLogin> stored = logins_.Set({.kind = KindOf(credential.kind()),
                                                         .host = *host,
                                                         .username = credential.username(),
                                                         .secret = address,
                                                         .create_time = {},
                                                         .update_time = {},
                                                         .sealed = {}},
                                                        request->password());
  if (!stored.ok()) return ToGrpc(stored.status());
  spdlog::info("the login of '{}' for all was set", stored->host);
  Fill(*stored, response);
  return grpc::Status::OK;
}

grpc::Status CredentialsService::ListCredentials(grpc::ServerContext*, const v1::ListCredentialsRequest* request,
                                                 v1::ListCredentialsResponse* response) {
  if (const task::FieldErrors unknown = CheckKnown(*request); !unknown.empty()) return BadFields(unknown);
  for (const store::StoredLogin& login : logins_.List()) Fill(login, response->add_credentials());
  return grpc::Status::OK;
}

grpc::Status CredentialsService::DeleteCredential(grpc::ServerContext*, const v1::DeleteCredentialRequest* request,
                                                  v1::DeleteCredentialResponse*) {
  task::FieldErrors errors = CheckKnown(*request);
  const Result<std::string> host = keyring::LoginHost(KindOf(request->kind()), request->host());
  if (!host.ok()) errors.push_back({"host", utf8::Repair(host.status().message())});
  if (!errors.empty()) return BadFields(errors);
  const Status status = logins_.Delete(KindOf(request->kind()), *host);
  if (status.code() == Code::kNotFound) return Refuse(status, "CREDENTIAL_NOT_FOUND", {{"host", *host}});
  if (!status.ok()) return ToGrpc(status);
  spdlog::info("the login of '{}' for all was removed", *host);
  return grpc::Status::OK;
}

}  // namespace slipway::services
