// Build contexts: where the files of a build come from. Whatever the kind (upload, git, tarball, one Dockerfile), the
// result is the same: a tree whose files' contents are in the content store.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "executor/base/clock.h"
#include "executor/base/context.h"
#include "executor/base/digest.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/content/store.h"
#include "executor/tree/entry.h"

namespace slipway::source {

/// Bounds on what one context (or archive) may hold; set by the operator.
struct Limits {
  uint64_t max_entries = 500'000;
  uint64_t max_total_bytes = 20ULL << 30;
  uint64_t max_file_bytes = 8ULL << 30;
};

/// A folder that a client uploaded: the digest of its encoded tree in the content store.
struct UploadedContext {
  Digest tree;
};

/// A git remote: "https://…", "ssh://…", "git@host:path", "git://…", "file://…" or a plain path, with "#ref:folder" or
/// "?ref=…&subdir=…".
struct GitContext {
  std::string url;      ///< as given, with its fragment
  std::string token;    ///< for HTTPS; may also stand in the URL; "" for none
  std::string ssh_key;  ///< path of a private key; "" for the agent's or none
  bool keep_git_dir = false;
  std::string ssh_agent;  ///< socket of an agent to use instead of the operator's; "" for none
  std::string checksum;   ///< the commit's (or annotated tag's) id must begin with this; "" for any
};

/// An archive behind a URL. If the body is a plain text file that is no archive, it is taken as a Dockerfile.
struct TarballContext {
  std::string url;
};

/// No context but one Dockerfile.
struct DockerfileContext {
  std::string text;
};

/// Nothing (ACR's /dev/null).
struct NoContext {};

using ContextSpec = std::variant<NoContext, UploadedContext, GitContext, TarballContext, DockerfileContext>;

struct FetchedContext {
  std::shared_ptr<const tree::Tree> tree;  ///< before any ignore file
  content::Lease lease;                    ///< on the contents
  std::shared_ptr<content::Lease> shared;  ///< the same, where others have it too
  std::string revision;                    ///< commit id, "" if none
  std::string branch;                      ///< "" if none; the default branch's name where no reference was given
  std::optional<SystemTime> commit_time;
};

/// An uploaded context that has just been stored: its limits and shape were checked, and all of it is leased.
struct ArrivedTree {
  Digest encoded;  ///< as UploadedContext has it
  std::shared_ptr<const tree::Tree> tree;
  std::shared_ptr<content::Lease> lease;
};

/// What kind of context a string names, as ACR Tasks reads it, and `ssh://`, `file://` and a plain path that ends in
/// ".git" or has a fragment besides. A local folder is not for the daemon: NOT_FOUND. UNIMPLEMENTED for "oci://".
Result<ContextSpec> ParseContext(std::string_view location);

/// Whether an address given to ADD or as a remote context is a git repository, by the rules of Dockerfiles: `git@…`,
/// `git://…`, `ssh://…`, `github.com/…`, or http(s) with a path that ends in ".git".
bool IsGitUrl(std::string_view location);

}  // namespace slipway::source
