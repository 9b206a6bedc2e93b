// ImagesService: slipway.v1.Images: outputs of runs, streamed while they are made, and comparisons. Each call holds one
// of gRPC's threads; their number is bounded, and one whose client takes nothing for long is ended. Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <semaphore>
#include <string>

#include "daemon/runs/kept_images.h"
#include "daemon/services/call_watch.h"
#include "daemon/sources/uploads.h"
#include "daemon/store/run_store.h"
#include "executor/base/context.h"
#include "executor/builder/builder.h"
#include "slipway/v1/images.grpc.pb.h"

namespace slipway::services {

class ImagesService final : public slipway::v1::Images::Service {
 public:
  static constexpr int kMaxCalls = 16;
  static constexpr std::chrono::minutes kIdle{10};

  /// `default_registry` is that of images named without one; "" for none.
  ImagesService(builder::Builder& builder, store::RunStore& runs, runs::KeptImages& kept, sources::Uploads& uploads,
                std::string default_registry)
      : builder_(builder),
        runs_(runs),
        kept_(kept),
        uploads_(uploads),
        default_registry_(std::move(default_registry)),
        slots_(kMaxCalls) {}

  grpc::Status FetchOutput(grpc::ServerContext* context, const slipway::v1::FetchOutputRequest* request,
                           grpc::ServerWriter<slipway::v1::FetchOutputResponse>* writer) override;

  grpc::Status DiffImages(grpc::ServerContext* context, const slipway::v1::DiffImagesRequest* request,
                          grpc::ServerWriter<slipway::v1::DiffImagesResponse>* writer) override;

  /// Ends the calls whose clients have taken nothing for kIdle. To be called now and then.
  void EndIdle() { calls_.EndIdle(kIdle); }
  /// Ends all calls; new ones fail.
  void Stop();

 private:
  grpc::Status Find(const slipway::v1::FetchOutputRequest& request, runs::KeptImages::Image* image);
  /// Within the limits of calls.
  grpc::Status Limited(grpc::ServerContext* context, const std::function<Status()>& work);

  builder::Builder& builder_;
  store::RunStore& runs_;
  runs::KeptImages& kept_;
  sources::Uploads& uploads_;
  const std::string default_registry_;
  std::counting_semaphore<> slots_;
  CallWatch calls_;
  const Context ctx_ = Context::Background().Child();  // until Stop
};

}  // namespace slipway::services
