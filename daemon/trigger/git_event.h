// GitEvent: what a git host says has happened in a repository, whatever the host. Plain data.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::trigger {

/// Who sends a delivery.
enum class GitHost { kGitHub, kGitea, kGitLab, kBitbucket, kAzureDevOps, kGeneric };

/// "github", "gitea" (Forgejo too), "gitlab", "bitbucket", "azuredevops", "generic".
std::string_view GitHostName(GitHost host);

struct GitEvent {
  enum class Kind {
    kPing,         ///< the host tries the address
    kCommit,       ///< a push
    kPullRequest,  ///< opened, reopened or given new commits
    kIgnored,      ///< anything else; `detail` says what
  };
  GitHost host = GitHost::kGeneric;
  Kind kind = Kind::kIgnored;
  std::string detail;                     ///< the host's own word for the event and its action: "pull_request labeled"
  std::string delivery_id;                ///< the same for a redelivery
  std::vector<std::string> repositories;  ///< addresses of the repository in all forms that the payload has
  std::string branch;                     ///< pushed to; of a pull request: its target. "" for a tag
  std::string tag;                        ///< pushed, where it is a tag
  bool deleted = false;                   ///< the branch or tag is gone
  std::string commit;   ///< the tip: what is to be built; 40 or 64 hex digits (12 in Bitbucket's pull requests)
  std::string before;   ///< what the branch was; "" if it is new or not known
  std::string message;  ///< of the tip
  /// Paths that the pushed commits touch; nothing where the payload does not say all of them.
  std::optional<std::vector<std::string>> changed_paths;

  // Of pull requests.
  std::string number;
  std::string source_branch;
  std::string fetch_ref;  ///< a ref of the target repository that holds the commit: "refs/pull/7/head"; "" if none
  bool from_fork = false;
};

}  // namespace slipway::trigger
