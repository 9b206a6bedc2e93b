// Webhooks of git hosts: who sent a delivery, whether it is genuine, and what it says. Pure functions over headers and
// body; nothing of the body is read before the signature holds.
//
// | host | event | proof |
// | GitHub | X-GitHub-Event | X-Hub-Signature-256: HMAC-SHA256 of the body |
// | Gitea, Forgejo | X-Gitea-Event | the same header, or X-Gitea-Signature |
// | GitLab | X-Gitlab-Event | X-Gitlab-Token: the secret itself |
// | Bitbucket | X-Event-Key | X-Hub-Signature: HMAC-SHA256 of the body |
// | Azure DevOps | in the body | Authorization: Basic, whose password is the secret |
// | generic | X-Slipway-Event | X-Slipway-Signature: HMAC-SHA256 of timestamp, ".", body; X-Slipway-Timestamp |
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/trigger/git_event.h"
#include "executor/base/clock.h"
#include "executor/base/status.h"

namespace slipway::trigger {

/// The value of a header, by its name in any case; "" if it is not there.
using Headers = std::function<std::string_view(std::string_view name)>;

/// By the headers alone. INVALID_ARGUMENT if no host that is known sends such.
Result<GitHost> DetectHost(const Headers& headers);

/// UNAUTHENTICATED unless the delivery proves that its sender knows `secret` (which must not be empty). Compares in
/// constant time. A generic delivery must be at most five minutes from `now`, so that it cannot be sent again later.
Status VerifyDelivery(GitHost host, const Headers& headers, std::string_view body, std::string_view secret,
                      SystemTime now);

/// What a delivery tells: mostly one event; several, each with a delivery id of its own, where one push has moved
/// several refs and the host tells so in one delivery (Bitbucket). Never none.
/// INVALID_ARGUMENT for a body that is not what the host documents.
Result<std::vector<GitEvent>> ParseDelivery(GitHost host, const Headers& headers, std::string_view body);

/// Whether both are the same. Takes a time that tells neither lengths nor contents.
bool SameSecret(std::string_view a, std::string_view b);

/// The signature that VerifyDelivery wants of a generic delivery: "sha256=<hex>".
std::string SignGeneric(std::string_view timestamp, std::string_view body, std::string_view secret);

}  // namespace slipway::trigger
