// GitSource: a commit of a remote repository as a tree, without git and without a checkout.
//
// Each remote has a bare mirror below the root that outlives builds, so a later build of a large repository downloads
// only what is new; one fetch a mirror runs at a time. The commit's tree is read from the object database straight into
// the content store, and which blob became which content is remembered, so that a later commit reads only its new
// blobs. Submodules are followed, each with its own mirror.
//
// A remote is not trusted: no hook, filter, attribute or configuration of it is ever used, names in its trees are
// checked, counts and sizes are bounded. What a mirror holds is given without asking the remote only to credentials
// that the remote accepted within the last day. Messages never hold credentials. All functions may be called from any
// thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/content/store.h"
#include "executor/http/transport.h"
#include "executor/source/context_source.h"

namespace slipway::source {

class Memo;

struct GitOptions {
  std::string root;          ///< folder of the mirrors; made if missing
  bool allow_local = false;  ///< file:// and plain paths; PERMISSION_DENIED otherwise

  /// Which SSH hosts are believed: those of `known_hosts` only, or also hosts seen for the first time (whose key is
  /// then recorded and must stay the same).
  enum class HostKeys { kAcceptNew, kKnownOnly };
  HostKeys host_keys = HostKeys::kAcceptNew;
  std::string known_hosts;  ///< in OpenSSH's format; "": a file of our own below `root`
  std::string ssh_agent;    ///< socket of the agent to ask where a context names no key; "": none
  std::string ssh_program = "ssh";

  uint64_t max_blob_bytes = 2ULL << 30;  ///< of one file: it passes through memory
  int max_submodule_depth = 8;
  int max_submodules = 200;
};

/// What a reference of a remote stands for now.
struct GitCommit {
  std::string id;      ///< 40 hex digits
  std::string tag_id;  ///< of the annotated tag that was peeled, or ""
  std::string ref;     ///< full name on the remote ("refs/heads/main"); "" if a commit was named
  std::string branch;  ///< "main"; "" unless a branch was named or is the default
  /// Equal for requests that make equal trees: the commit, the folder, and what else of the request shows in the tree.
  /// Only Resolve fills it in.
  std::string identity;
};

class GitSource {
 public:
  /// `store`, `memo` and `transport` must outlive it.
  static Result<std::unique_ptr<GitSource>> Open(const GitOptions& options, content::Store& store, Memo& memo,
                                                 http::Transport& transport);
  virtual ~GitSource() = default;

  /// Asks the remote, and downloads nothing where its list of references answers. A full id that the mirror has needs
  /// no network.
  ///   NOT_FOUND no such repository, reference or commit (near misses are named)
  ///   UNAUTHENTICATED, PERMISSION_DENIED credentials are missing or refused; a transport that is not allowed
  ///   FAILED_PRECONDITION a host key that changed or is not known; not a git repository; a checksum that does not
  ///   match UNAVAILABLE the host cannot be reached; INVALID_ARGUMENT a malformed address
  virtual Result<GitCommit> Resolve(const Context& ctx, const GitContext& context, const VertexProgress& progress) = 0;

  /// The tree of what Resolve gives (or its folder): modes 0644 and 0755, owner 0:0, times that of the commit. Codes as
  /// Resolve, and NOT_FOUND / INVALID_ARGUMENT for the folder, RESOURCE_EXHAUSTED past the limits.
  virtual Result<FetchedContext> Fetch(const Context& ctx, const GitContext& context, const Limits& limits,
                                       const VertexProgress& progress) = 0;

  /// The tree of what Resolve gave before, even if the reference has moved on since.
  virtual Result<FetchedContext> FetchCommit(const Context& ctx, const GitContext& context, const GitCommit& commit,
                                             const Limits& limits, const VertexProgress& progress) = 0;

  /// The paths in which two commits differ; a renamed file has both its names. Either is named as a reference in an
  /// address is: a commit's id, "main", "refs/pull/7/head", "" for the default branch; that of `context`'s address is not
  /// used. Codes as Resolve; NOT_FOUND also where the remote gives a commit no more; RESOURCE_EXHAUSTED for more paths
  /// than `limits.max_entries`, or more bytes than its total.
  virtual Result<std::vector<std::string>> ChangedPaths(const Context& ctx, const GitContext& context,
                                                        const std::string& before, const std::string& after,
                                                        const Limits& limits, const VertexProgress& progress) = 0;

  /// Removes mirrors that were not used for `idle`, or that have become slow by many fetches. Those in use are left
  /// alone.
  virtual Status Collect(const Context& ctx, std::chrono::seconds idle) = 0;
  /// Bytes of all mirrors on disk.
  virtual Result<uint64_t> TotalBytes() = 0;
};

}  // namespace slipway::source
