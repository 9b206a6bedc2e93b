// Runs as text: names of states, tables, details, JSON.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"
#include "slipway/v1/runs.pb.h"

namespace slipway::cli {

namespace v1 = ::slipway::v1;

/// "Queued", "Succeeded", …, as ACR Tasks names them.
std::string_view StatusText(v1::RunStatus status);
/// Any case. INVALID_ARGUMENT with a suggestion for others.
Result<v1::RunStatus> ParseRunStatus(std::string_view text);
bool IsFinal(v1::RunStatus status);
/// "failed", "timed out", "was canceled", for a sentence.
std::string_view OutcomeText(v1::RunStatus status);

/// From start to finish, or until now for one that is active: "00:00:37"; empty if it has not started.
std::string DurationText(const v1::Run& run);
/// The same for a sentence: "37.2s".
std::string TookText(const v1::Run& run);
/// "2019-05-03T04:16:44Z".
std::string WholeSeconds(const google::protobuf::Timestamp& time);
/// "linux/amd64,linux/arm64/v8".
std::string PlatformText(const v1::Run& run);
/// What started it, as ACR Tasks names it: "Commit", "Pull Request", "Timer", "Image Update", "Manual".
std::string_view TriggerText(const v1::Run& run);
/// "registry/repository:tag", and "@digest" if asked for and known.
std::string ImageText(const v1::ImageDescriptor& image, bool with_digest);

/// One row a run under RUN ID, TASK, PLATFORM, STATUS, TRIGGER, STARTED, DURATION.
std::string RunTable(std::span<const v1::Run> runs);
/// All of a run for people, a line a fact.
std::string RunDetails(const v1::Run& run);
/// JSON as protobuf writes it, indented, but states and types by their short names ("Succeeded", "QuickBuild").
std::string RunJson(const v1::Run& run);
std::string RunListJson(std::span<const v1::Run> runs);

/// Rows as columns that are two blanks apart; the first row is the heading, underlined as az does.
std::string Table(const std::vector<std::vector<std::string>>& rows);

}  // namespace slipway::cli
