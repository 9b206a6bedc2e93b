// ContextFetcher: the one door to build contexts and to what ADD downloads. One per daemon; thread-safe.
//
//   auto fetcher = ContextFetcher::Open({.root = root + "/sources"}, store, transport);
//   auto context = (*fetcher)->Fetch(ctx, spec, limits, progress);
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "executor/base/context.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/content/store.h"
#include "executor/http/transport.h"
#include "executor/source/context_source.h"
#include "executor/source/git.h"
#include "executor/source/http.h"

namespace slipway::source {

struct FetcherOptions {
  std::string root;  ///< mirrors and what is remembered of addresses; made if missing
  GitOptions git;    ///< its `root` is set to a folder below ours
};

class ContextFetcher {
 public:
  /// `store` and `transport` must outlive it. Proxies and certificates are the transport's.
  static Result<std::unique_ptr<ContextFetcher>> Open(const FetcherOptions& options, content::Store& store,
                                                      http::Transport& transport);
  virtual ~ContextFetcher() = default;

  /// The tree of any kind of context, its contents leased. RESOURCE_EXHAUSTED names the limit that was passed. An
  /// uploaded context whose contents are not all here is FAILED_PRECONDITION: the client uploads again.
  virtual Result<FetchedContext> Fetch(const Context& ctx, const ContextSpec& spec, const Limits& limits,
                                       const VertexProgress& progress) = 0;

  /// The next Fetch of this context, within ten seconds, need not read it. The last one only is kept.
  virtual void Expect(ArrivedTree arrived) = 0;

  /// For ADD of repositories and addresses.
  virtual GitSource& git() = 0;
  virtual HttpSource& http() = 0;

  /// Forgets what was not used for `idle`.
  virtual Status Collect(const Context& ctx, std::chrono::seconds idle) = 0;
  /// Bytes on disk below the root (contents are the store's).
  virtual Result<uint64_t> TotalBytes() = 0;
};

}  // namespace slipway::source
