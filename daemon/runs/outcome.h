// How a run ended: from what its engine says to its final state, its record and the last lines of its log. Free
// functions.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "daemon/logs/recorder.h"
#include "daemon/store/run.h"
#include "executor/base/context.h"
#include "steps/engine/engine.h"

namespace slipway::runs {

/// Who asked a run to stop.
enum class StopCause { kNone, kUser, kShutdown };

/// The state that a run has come to. nullopt: it is to be queued again, since the daemon is stopping.
///
/// The user is to blame (Failed) for codes that say that something asked for is wrong, not there or not allowed, and
/// for a step that was slower than its own limit; for the rest it is Slipway or a dependency (Error).
std::optional<store::RunState> Judge(const engine::Outcome& outcome, StopCause cause);

/// What became of the steps, for the record. `ranges`: where they are in the log.
std::vector<store::Step> MakeSteps(const task::Task& task, const engine::Outcome& outcome,
                                   const std::map<std::string, logs::Recorder::LogRange>& ranges);

/// The record of it, without its steps.
store::RunResult MakeResult(store::RunState state, const engine::Outcome& outcome, std::chrono::seconds timeout);

/// The last line of the log: "Run ID: cf19 was successful after 18s".
std::string LastLine(const std::string& run_id, store::RunState state, const store::RunResult& result,
                     std::chrono::nanoseconds elapsed);

}  // namespace slipway::runs
