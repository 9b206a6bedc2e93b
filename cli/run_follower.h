// RunFollower: a run's log or events until its end, over broken connections.
//
// When the connection is lost it is made again, first soon, then less often, and the stream goes on where it had come
// to. After kGiveUpAfter without success it ends with UNAVAILABLE; the run itself is not touched by that.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "cli/connection.h"
#include "executor/base/context.h"
#include "executor/base/status.h"

namespace slipway::cli {

inline constexpr std::chrono::seconds kGiveUpAfter{60};

class RunFollower {
 public:
  /// `note` is told in words when the connection is lost. `reached` says whether the daemon has answered this command
  /// before: if not, a first failure is the last one.
  RunFollower(Connection& connection, std::string run_id, std::function<void(std::string_view)> note, bool reached,
              std::chrono::nanoseconds give_up_after = kGiveUpAfter)
      : connection_(connection),
        run_id_(std::move(run_id)),
        note_(std::move(note)),
        reached_(reached),
        give_up_after_(give_up_after) {}

  /// The log from its beginning to `sink`. With `follow` until the run has ended; without, what there is. The state of
  /// the run, UNSPECIFIED if it has not ended.
  /// `step`: only what this step wrote; "" for all.
  Result<v1::RunStatus> Log(const Context& ctx, bool follow, const std::function<void(std::string_view)>& sink,
                            const std::string& step = "");

  /// The events to `sink` until the run has ended; only its states if `states_only`. The run in its final state.
  Result<v1::Run> Events(const Context& ctx, bool states_only,
                         const std::function<void(const v1::StreamRunEventsResponse&)>& sink);

 private:
  /// Of one stream.
  struct Came {
    bool anything = false;
    bool news = false;  ///< more of the log, an event or a state that no stream before it has brought
    bool done = false;  ///< what was asked for is complete
  };
  using Attempt = std::function<grpc::Status(Came* came)>;
  Status Retry(const Context& ctx, std::string_view what, const Attempt& attempt);

  Connection& connection_;
  const std::string run_id_;
  const std::function<void(std::string_view)> note_;
  bool reached_;
  const std::chrono::nanoseconds give_up_after_;
};

/// What the cache did for the steps of a run.
Result<v1::GetRunCacheResponse> GetRunCache(const Context& ctx, Connection& connection, const std::string& run_id);

/// The run as it is now.
Result<v1::Run> GetRun(const Context& ctx, Connection& connection, const std::string& run_id);

}  // namespace slipway::cli
