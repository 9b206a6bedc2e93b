// StepLogStream: what one step of a run wrote, as its log without the others' lines (Runs.StreamRunLog with a step_id).
// Made of the run's events, each time anew.
#pragma once

#include "daemon/logs/event_reader.h"
#include "daemon/logs/log_text.h"
#include "daemon/services/feed_stream.h"
#include "daemon/store/run_store.h"
#include "slipway/v1/runs.pb.h"

namespace slipway::services {

class StepLogStream : public FeedStream<slipway::v1::StreamRunLogResponse> {
 public:
  StepLogStream(std::shared_ptr<logs::RunFeed> run_feed, StreamSet& set, store::RunStore& runs,
                const slipway::v1::StreamRunLogRequest& request)
      : FeedStream(std::move(run_feed), set),
        runs_(runs),
        run_id_(request.run_id()),
        step_id_(request.step_id()),
        follow_(request.follow()),
        from_(request.offset()),
        reader_(feed().events()) {
    renderer_.ForOneStep();
  }

 private:
  Step Next(slipway::v1::StreamRunLogResponse* response, grpc::Status* status) override;
  Step Last(slipway::v1::StreamRunLogResponse* response, grpc::Status* status);
  // Adds the text of further events to `text_`; false when there are none.
  Result<bool> ReadMore();

  store::RunStore& runs_;
  const std::string run_id_;
  const std::string step_id_;
  const bool follow_;
  const uint64_t from_;  // bytes that are not wanted
  logs::EventReader reader_;
  logs::LogText renderer_;
  std::string text_;     // made, not sent
  uint64_t offset_ = 0;  // of its first byte
  bool seen_ = false;    // the step has begun
  bool last_sent_ = false;
};

}  // namespace slipway::services
