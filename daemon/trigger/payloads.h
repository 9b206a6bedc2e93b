// The bodies of webhooks, a function a host. For webhook.cc.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "daemon/trigger/git_event.h"
#include "executor/base/status.h"

namespace slipway::trigger {

/// A value somewhere in a body: whatever is missing or of another type reads as empty, so that a host may leave out or
/// add what it likes. Refers to the document, which must outlive it.
class Payload {
 public:
  explicit Payload(const nlohmann::json& json) : json_(&json) {}

  /// The member at a path like "pull_request.head.sha".
  Payload At(std::string_view path) const;
  bool exists() const { return json_ != nullptr && !json_->is_null(); }
  /// A string, or a number as text; at most 64 KiB of it. "" otherwise.
  std::string Text(std::string_view path = "") const;
  bool Flag(std::string_view path) const;
  int64_t Number(std::string_view path) const;
  /// The items of a list; none if it is no list.
  std::vector<Payload> Items(std::string_view path) const;

 private:
  Payload() = default;
  const nlohmann::json* json_ = nullptr;
};

/// Fills branch or tag from "refs/heads/x", "refs/tags/v1" or a plain branch.
void SetRef(std::string_view ref, GitEvent* event);
/// Whether a commit id is all zeros or empty: no commit.
bool IsNoCommit(std::string_view id);
/// INVALID_ARGUMENT unless what a commit or pull request must have is there and looks like it.
Status CheckEvent(const GitEvent& event);

Result<GitEvent> ParseGitHub(std::string_view name, const Payload& body);  ///< Gitea and Forgejo too
Result<GitEvent> ParseGitLab(const Payload& body);
/// Cloud, and server's own form. One event for each ref that a push moves, at most 200; never none.
Result<std::vector<GitEvent>> ParseBitbucket(std::string_view key, const Payload& body);
Result<GitEvent> ParseAzureDevOps(const Payload& body);
Result<GitEvent> ParseGeneric(std::string_view name, const Payload& body);

}  // namespace slipway::trigger
