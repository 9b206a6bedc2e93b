// EventStream: the events of a run to one client (Runs.StreamRunEvents).
#pragma once

#include "daemon/logs/event_reader.h"
#include "daemon/services/feed_stream.h"
#include "daemon/store/run_store.h"
#include "slipway/v1/runs.pb.h"

namespace slipway::services {

class EventStream : public FeedStream<slipway::v1::StreamRunEventsResponse> {
 public:
  EventStream(std::shared_ptr<logs::RunFeed> feed, StreamSet& set, store::RunStore& runs,
              const slipway::v1::StreamRunEventsRequest& request)
      : FeedStream(std::move(feed), set),
        runs_(runs),
        run_id_(request.run_id()),
        follow_(request.follow()),
        after_(request.after_sequence()),
        reader_(this->feed().events()) {}

 private:
  Step Next(slipway::v1::StreamRunEventsResponse* response, grpc::Status* status) override;
  // Adds recorded events until the message is large enough. True if there are none left.
  Result<bool> AddRecorded(slipway::v1::StreamRunEventsResponse* response);
  Status AddRun(slipway::v1::StreamRunEventsResponse* response);

  store::RunStore& runs_;
  const std::string run_id_;
  const bool follow_;
  const uint64_t after_;
  logs::EventReader reader_;
  uint64_t progress_ = 0;            // up to which change progress was sent
  std::optional<uint64_t> version_;  // of the run that was sent last
  bool last_sent_ = false;
};

}  // namespace slipway::services
