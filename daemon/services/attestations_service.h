// AttestationsService: slipway.v1.Attestations on the store of runs and the builder, which reads registries.
// Thread-safe.
#pragma once

#include "daemon/store/run_store.h"
#include "executor/builder/builder.h"
#include "slipway/v1/attestations.grpc.pb.h"

namespace slipway::services {

class AttestationsService final : public slipway::v1::Attestations::Service {
 public:
  /// Both must outlive it.
  AttestationsService(store::RunStore& store, builder::Builder& builder) : store_(store), builder_(builder) {}

  grpc::Status ReadAttestations(grpc::ServerContext* context, const slipway::v1::ReadAttestationsRequest* request,
                                grpc::ServerWriter<slipway::v1::ReadAttestationsResponse>* writer) override;

 private:
  store::RunStore& store_;
  builder::Builder& builder_;
};

}  // namespace slipway::services
