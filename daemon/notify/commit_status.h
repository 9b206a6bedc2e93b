// Statuses of commits: what a git host is told of the runs that its pushes and pull requests have started.
//
// | host | call |
// | GitHub | POST /repos/OWNER/REPO/statuses/SHA |
// | GitLab | POST /projects/ID/statuses/SHA |
// | Gitea, Forgejo | POST /repos/OWNER/REPO/statuses/SHA |
//
// Other hosts are told nothing. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "daemon/store/notification.h"
#include "executor/http/transport.h"

namespace slipway::notify {

inline constexpr std::string_view kStatusLane = "status";

/// What a run's state is told as. `api_url` overrides where the host's API is; `public_url` is where links go, "" for
/// none. Nothing for runs without a commit, for hosts that are told nothing, and for states in between.
std::optional<store::NewNotification> StatusOf(const store::Run& run, const std::string& api_url,
                                               const std::string& public_url);

/// Whose token is needed for the content of a notification. DATA_LOSS for what StatusOf did not make.
struct StatusOwner {
  std::string task;
  std::string trigger;
};
Result<StatusOwner> OwnerOf(const std::string& content);

/// The request that tells it. DATA_LOSS for what StatusOf did not make.
Result<http::Request> StatusRequest(const std::string& content, const std::string& token);

/// Whether an answer says that the host has this state already. GitLab does not take the same state twice.
bool HasStateAlready(const http::Response& response);

}  // namespace slipway::notify
