#include "daemon/services/secrets_service.h"

#include <algorithm>

#include "daemon/services/convert.h"
#include "daemon/services/message_check.h"
#include "daemon/services/status.h"
#include "executor/base/log.h"
#include "executor/base/utf8.h"
#include "steps/secrets/secret_source.h"
#include "steps/task/secret_limits.h"

namespace slipway::services {

namespace {

constexpr int32_t kStandardPage = 100;
constexpr int32_t kLargestPage = 1000;

void CheckName(const std::string& name, task::FieldErrors* errors) {
  if (keyring::IsSecretName(name)) return;
  errors->push_back({"name", fmt::format("'{}' is no name of a secret: 1 to 127 letters, digits, '-', '_' and '.', not "
                                         "beginning with '.'",
                                         utf8::Repair(name.substr(0, 60)))});
}

void Fill(const store::StoredSecret& from, v1::Secret* out) {
  out->set_name(from.name);
  FillTime(from.create_time, out->mutable_create_time());
  FillTime(from.update_time, out->mutable_update_time());
}

grpc::Status Failure(const Status& status, const std::string& name) {
  if (status.code() == Code::kNotFound) return Refuse(status, "SECRET_NOT_FOUND", {{"secret", name}});
  if (status.code() == Code::kFailedPrecondition) return Refuse(status, "SECRET_IN_USE", {{"secret", name}});
  return ToGrpc(status);
}

}  // namespace

grpc::Status SecretsService::SetSecret(grpc::ServerContext*, const v1::SetSecretRequest* request,
                                       v1::Secret* response) {
  task::FieldErrors errors = CheckKnown(*request);
  CheckName(request->name(), &errors);
  const size_t size = request->value().size();
  if (size < task::kShortestSecret) {
    errors.push_back(
        {"value", fmt::format("has {} bytes; fewer than {} cannot be hidden in logs", size, task::kShortestSecret)});
  }
  if (size > secrets::kLargestSecret) errors.push_back({"value", fmt::format("has {} bytes, 1 MiB is the most", size)});
  if (!errors.empty()) return BadFields(errors);
  const Result<store::StoredSecret> stored = book_.Set(request->name(), request->value(), clock_.System());
  if (!stored.ok()) return ToGrpc(stored.status());
  spdlog::info("secret '{}' was set", stored->name);
  Fill(*stored, response);
  return grpc::Status::OK;
}

grpc::Status SecretsService::ListSecrets(grpc::ServerContext*, const v1::ListSecretsRequest* request,
                                         v1::ListSecretsResponse* response) {
  task::FieldErrors errors = CheckKnown(*request);
  if (request->page_size() < 0) errors.push_back({"page_size", "is negative"});
  if (!request->page_token().empty() && !keyring::IsSecretName(request->page_token())) {
    errors.push_back({"page_token", "is not one of ours"});
  }
  if (!errors.empty()) return BadFields(errors);
  const int32_t wanted = request->page_size() == 0 ? kStandardPage : std::min(request->page_size(), kLargestPage);
  const auto size = static_cast<size_t>(wanted);
  const Result<std::vector<store::StoredSecret>> found = book_.List(request->page_token(), size + 1);
  if (!found.ok()) return ToGrpc(found.status());
  for (size_t i = 0; i < std::min(size, found->size()); ++i) Fill((*found)[i], response->add_secrets());
  if (found->size() > size) response->set_next_page_token((*found)[size - 1].name);
  return grpc::Status::OK;
}

grpc::Status SecretsService::DeleteSecret(grpc::ServerContext*, const v1::DeleteSecretRequest* request,
                                          v1::DeleteSecretResponse*) {
  task::FieldErrors errors = CheckKnown(*request);
  CheckName(request->name(), &errors);
  if (!errors.empty()) return BadFields(errors);
  if (const Status status = book_.Delete(request->name()); !status.ok()) return Failure(status, request->name());
  spdlog::info("secret '{}' was removed", request->name());
  return grpc::Status::OK;
}

}  // namespace slipway::services
