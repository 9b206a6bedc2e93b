#include "cli/run_follower.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>

#include "cli/run_format.h"
#include "executor/base/clock.h"

namespace slipway::cli {

namespace {

constexpr std::chrono::milliseconds kFirstWait{100};
constexpr std::chrono::milliseconds kLongestWait{5000};

// What a daemon that stops, dies or is out of reach leaves behind. A full daemon may have room later.
bool MayComeBack(const grpc::Status& status, std::string_view reason) {
  const grpc::StatusCode code = status.error_code();
  if (code == grpc::StatusCode::RESOURCE_EXHAUSTED) return reason == "TOO_MANY_STREAMS";
  return code == grpc::StatusCode::UNAVAILABLE || code == grpc::StatusCode::CANCELLED ||
         code == grpc::StatusCode::UNKNOWN || code == grpc::StatusCode::ABORTED;
}

}  // namespace

Status RunFollower::Retry(const Context& ctx, std::string_view what, const Attempt& attempt) {
  auto last_good = std::chrono::steady_clock::now();
  std::chrono::milliseconds wait = kFirstWait;
  bool lost = false;
  while (true) {
    Came came;
    const grpc::Status status = attempt(&came);
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    if (status.ok() && came.done) return {};
    reached_ |= came.anything;
    // A stream that ends well before its run does may say the same each time, and to ask at once again leads nowhere.
    if (status.ok() ? came.news : came.anything) {
      last_good = std::chrono::steady_clock::now();
      wait = kFirstWait;
      lost = false;
    }
    // An OK without the end of the run: the daemon is stopping and sends its readers away.
    std::string reason;
    const Status failure =
        status.ok() ? Unavailable("{}: the daemon ended the stream", what) : connection_.Failure(status, what, &reason);
    if (!reached_ || (!status.ok() && !MayComeBack(status, reason))) return failure;
    if (std::chrono::steady_clock::now() - last_good >= give_up_after_) {
      return Unavailable("{}; gave up after {}. The run may go on: see 'slipway show {}'", failure.message(),
                         FormatDuration(give_up_after_), run_id_);
    }
    if (!lost) note_("The connection to the daemon was lost; trying again");
    lost = true;
    SLIPWAY_RETURN_IF_ERROR(ctx.Sleep(wait));
    wait = std::min(wait * 2, kLongestWait);
  }
}

Result<v1::RunStatus> RunFollower::Log(const Context& ctx, bool follow,
                                       const std::function<void(std::string_view)>& sink, const std::string& step) {
  uint64_t offset = 0;
  v1::RunStatus final_status = v1::RUN_STATUS_UNSPECIFIED;
  const auto attempt = [&](Came* came) {
    v1::StreamRunLogRequest request;
    request.set_run_id(run_id_);
    request.set_offset(offset);
    request.set_follow(follow);
    request.set_step_id(step);
    Call call(ctx);
    const auto stream = connection_.runs().StreamRunLog(call.context(), request);
    v1::StreamRunLogResponse response;
    while (stream->Read(&response)) {
      came->anything = true;
      std::string_view data = response.data();
      // What was shown before is not shown again.
      if (response.offset() < offset) data.remove_prefix(std::min<uint64_t>(data.size(), offset - response.offset()));
      if (!data.empty()) {
        came->news = true;
        sink(data);
      }
      offset = std::max<uint64_t>(offset, response.offset() + response.data().size());
      if (response.complete()) {
        came->done = true;
        final_status = response.status();
      }
    }
    if (!follow) came->done = true;
    grpc::Status status = stream->Finish();
    if (status.error_code() != grpc::StatusCode::OUT_OF_RANGE) return status;
    // The daemon died and lost the log's last lines, which we have; the run has ended since.
    came->done = true;
    return grpc::Status::OK;
  };
  SLIPWAY_RETURN_IF_ERROR(Retry(ctx, fmt::format("log of run '{}'", run_id_), attempt));
  return final_status;
}

Result<v1::Run> RunFollower::Events(const Context& ctx, bool states_only,
                                    const std::function<void(const v1::StreamRunEventsResponse&)>& sink) {
  // No event has such a number, so what comes are the states alone.
  uint64_t after = states_only ? std::numeric_limits<uint64_t>::max() : 0;
  v1::Run run;
  const auto attempt = [&](Came* came) {
    v1::StreamRunEventsRequest request;
    request.set_run_id(run_id_);
    request.set_after_sequence(after);
    request.set_follow(true);
    Call call(ctx);
    const auto stream = connection_.runs().StreamRunEvents(call.context(), request);
    v1::StreamRunEventsResponse response;
    while (stream->Read(&response)) {
      came->anything = true;
      for (const v1::RunEvent& event : response.events()) {
        came->news |= event.sequence() > after;
        after = std::max<uint64_t>(after, event.sequence());
      }
      if (response.has_run()) {
        came->news |= response.run().status() != run.status();
        run = response.run();
      }
      sink(response);
    }
    came->done = IsFinal(run.status());
    return stream->Finish();
  };
  SLIPWAY_RETURN_IF_ERROR(Retry(ctx, fmt::format("events of run '{}'", run_id_), attempt));
  return run;
}

Result<v1::Run> GetRun(const Context& ctx, Connection& connection, const std::string& run_id) {
  v1::GetRunRequest request;
  request.set_run_id(run_id);
  v1::Run run;
  Call call(ctx, kCallTimeout);
  if (grpc::Status status = connection.runs().GetRun(call.context(), request, &run); !status.ok()) {
    return connection.Failure(status, fmt::format("get run '{}'", run_id));
  }
  return run;
}

Result<v1::GetRunCacheResponse> GetRunCache(const Context& ctx, Connection& connection, const std::string& run_id) {
  v1::GetRunCacheRequest request;
  request.set_run_id(run_id);
  v1::GetRunCacheResponse cache;
  Call call(ctx, kCallTimeout);
  if (grpc::Status status = connection.runs().GetRunCache(call.context(), request, &cache); !status.ok()) {
    return connection.Failure(status, fmt::format("get the cache of run '{}'", run_id));
  }
  return cache;
}

}  // namespace slipway::cli
