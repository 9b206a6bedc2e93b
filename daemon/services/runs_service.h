// RunsService: slipway.v1.Runs on the dispatcher, the store and the archive of logs. Short calls run on gRPC's threads,
// the two streams on its callbacks. Thread-safe.
#pragma once

#include <chrono>

#include "daemon/logs/archive.h"
#include "daemon/runs/dispatcher.h"
#include "daemon/services/feed_stream.h"
#include "daemon/store/run_store.h"
#include "slipway/v1/runs.grpc.pb.h"

namespace slipway::services {

class RunsService final : public slipway::v1::Runs::WithCallbackMethod_StreamRunLog<
                              slipway::v1::Runs::WithCallbackMethod_StreamRunEvents<slipway::v1::Runs::Service>> {
 public:
  struct Options {
    task::QuickBuildRules rules;
    std::chrono::seconds default_timeout{3600};
    int max_streams = 2000;
  };
  RunsService(runs::Dispatcher& dispatcher, store::RunStore& store, logs::Archive& archive, Options options)
      : dispatcher_(dispatcher),
        store_(store),
        archive_(archive),
        options_(std::move(options)),
        streams_(options_.max_streams) {}

  grpc::Status ScheduleRun(grpc::ServerContext* context, const slipway::v1::ScheduleRunRequest* request,
                           slipway::v1::Run* response) override;
  grpc::Status RenderTask(grpc::ServerContext* context, const slipway::v1::RenderTaskRequest* request,
                          slipway::v1::RenderTaskResponse* response) override;
  grpc::Status GetRun(grpc::ServerContext* context, const slipway::v1::GetRunRequest* request,
                      slipway::v1::Run* response) override;
  grpc::Status ListRuns(grpc::ServerContext* context, const slipway::v1::ListRunsRequest* request,
                        slipway::v1::ListRunsResponse* response) override;
  grpc::Status CancelRun(grpc::ServerContext* context, const slipway::v1::CancelRunRequest* request,
                         slipway::v1::Run* response) override;
  grpc::Status UpdateRun(grpc::ServerContext* context, const slipway::v1::UpdateRunRequest* request,
                         slipway::v1::Run* response) override;
  grpc::Status GetRunCache(grpc::ServerContext* context, const slipway::v1::GetRunCacheRequest* request,
                           slipway::v1::GetRunCacheResponse* response) override;
  grpc::ServerWriteReactor<slipway::v1::StreamRunLogResponse>* StreamRunLog(
      grpc::CallbackServerContext* context, const slipway::v1::StreamRunLogRequest* request) override;
  grpc::ServerWriteReactor<slipway::v1::StreamRunEventsResponse>* StreamRunEvents(
      grpc::CallbackServerContext* context, const slipway::v1::StreamRunEventsRequest* request) override;

  /// Ends logs and events that are being followed; no new ones begin.
  void EndStreams() { streams_.EndAll(); }

 private:
  grpc::Status Answer(const store::Run& run, slipway::v1::Run* response);
  // Whether such a run may be streamed; its feed then.
  grpc::Status OpenFeed(const google::protobuf::Message& request, const std::string& run_id,
                        std::shared_ptr<logs::RunFeed>* feed);

  runs::Dispatcher& dispatcher_;
  store::RunStore& store_;
  logs::Archive& archive_;
  const Options options_;
  StreamSet streams_;
};

}  // namespace slipway::services
