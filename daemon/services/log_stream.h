// LogStream: the bytes of a run's log to one client (Runs.StreamRunLog).
#pragma once

#include "daemon/services/feed_stream.h"
#include "daemon/store/run_store.h"
#include "slipway/v1/runs.pb.h"

namespace slipway::services {

class LogStream : public FeedStream<slipway::v1::StreamRunLogResponse> {
 public:
  LogStream(std::shared_ptr<logs::RunFeed> feed, StreamSet& set, store::RunStore& runs,
            const slipway::v1::StreamRunLogRequest& request)
      : FeedStream(std::move(feed), set),
        runs_(runs),
        run_id_(request.run_id()),
        follow_(request.follow()),
        offset_(request.offset()) {}

 private:
  Step Next(slipway::v1::StreamRunLogResponse* response, grpc::Status* status) override;
  Step Last(slipway::v1::StreamRunLogResponse* response, grpc::Status* status);

  store::RunStore& runs_;
  const std::string run_id_;
  const bool follow_;
  uint64_t offset_;
  bool last_sent_ = false;
};

}  // namespace slipway::services
