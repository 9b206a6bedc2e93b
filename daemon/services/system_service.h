// SystemService: slipway.v1.System. Thread-safe.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "daemon/runs/dispatcher.h"
#include "executor/builder/builder.h"
#include "slipway/v1/system.grpc.pb.h"

namespace slipway::services {

class SystemService final : public slipway::v1::System::Service {
 public:
  struct Options {
    std::string version;
    std::string revision;
    std::string registry;
    source::Limits limits;
    /// Facts that stand before those of the builder.
    std::vector<std::pair<std::string, std::string>> properties;
  };
  SystemService(runs::Dispatcher& dispatcher, store::RunStore& store, builder::Builder& builder, const Clock& clock,
                Options options)
      : dispatcher_(dispatcher),
        store_(store),
        builder_(builder),
        start_(clock.System()),
        options_(std::move(options)) {}

  grpc::Status GetVersion(grpc::ServerContext* context, const slipway::v1::GetVersionRequest* request,
                          slipway::v1::GetVersionResponse* response) override;
  grpc::Status GetInfo(grpc::ServerContext* context, const slipway::v1::GetInfoRequest* request,
                       slipway::v1::GetInfoResponse* response) override;
  grpc::Status Prune(grpc::ServerContext* context, const slipway::v1::PruneRequest* request,
                     slipway::v1::PruneResponse* response) override;

 private:
  runs::Dispatcher& dispatcher_;
  store::RunStore& store_;
  builder::Builder& builder_;
  const SystemTime start_;
  const Options options_;
};

}  // namespace slipway::services
