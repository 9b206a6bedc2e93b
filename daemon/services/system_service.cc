#include "daemon/services/system_service.h"

#include "daemon/services/convert.h"
#include "daemon/services/message_check.h"
#include "daemon/services/status.h"
#include "executor/oci/platform.h"

namespace slipway::services {

namespace {
constexpr std::chrono::hours kPruneLimit{1};
}

grpc::Status SystemService::GetVersion(grpc::ServerContext*, const v1::GetVersionRequest* request,
                                       v1::GetVersionResponse* response) {
  if (const task::FieldErrors unknown = CheckKnown(*request); !unknown.empty()) return BadFields(unknown);
  response->set_version(options_.version);
  response->set_revision(options_.revision);
  response->add_api_versions("slipway.v1");
  response->set_platform(oci::Platform::Host().ToString());
  return grpc::Status::OK;
}

grpc::Status SystemService::GetInfo(grpc::ServerContext*, const v1::GetInfoRequest* request,
                                    v1::GetInfoResponse* response) {
  if (const task::FieldErrors unknown = CheckKnown(*request); !unknown.empty()) return BadFields(unknown);
  response->set_registry(options_.registry);
  response->set_run_id_prefix(store_.run_id_prefix());
  FillTime(start_, response->mutable_start_time());
  response->set_max_runs(static_cast<uint32_t>(dispatcher_.max_runs()));
  response->set_active_runs(static_cast<uint32_t>(dispatcher_.active()));
  if (const auto queue = store_.Queue(0); queue.ok()) response->set_queued_runs(queue->queued);
  v1::ContextLimits* limits = response->mutable_context_limits();
  limits->set_max_entries(options_.limits.max_entries);
  limits->set_max_total_bytes(options_.limits.max_total_bytes);
  limits->set_max_file_bytes(options_.limits.max_file_bytes);
  const auto add = [response](const std::pair<std::string, std::string>& fact) {
    v1::InfoProperty* property = response->add_properties();
    property->set_name(fact.first);
    property->set_value(fact.second);
  };
  for (const auto& fact : options_.properties) add(fact);
  for (const auto& fact : builder_.Describe()) add(fact);
  return grpc::Status::OK;
}

grpc::Status SystemService::Prune(grpc::ServerContext*, const v1::PruneRequest* request, v1::PruneResponse* response) {
  if (const task::FieldErrors unknown = CheckKnown(*request); !unknown.empty()) return BadFields(unknown);
  const Context ctx = Context::Background().WithTimeout(kPruneLimit, "freeing the disk");
  const Result<builder::Pruned> pruned = builder_.Prune(ctx, request->keep_bytes());
  if (!pruned.ok()) return ToGrpc(pruned.status());
  response->set_freed_bytes(pruned->freed);
  response->set_kept_bytes(pruned->kept);
  return grpc::Status::OK;
}

}  // namespace slipway::services
