// Rooms: what a builder is made of, opened below its root folder in the one order that is right. Internal to this
// folder.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "executor/base/fs.h"
#include "executor/base/thread_pool.h"
#include "executor/builder/attestations.h"
#include "executor/builder/builder.h"
#include "executor/builder/open.h"
#include "executor/builder/rebase.h"
#include "executor/builder/rebase_store.h"
#include "executor/builder/registry_access.h"
#include "executor/builder/storage.h"
#include "executor/cache/exporter.h"
#include "executor/content/store.h"
#include "executor/http/transport.h"
#include "executor/image/exporter.h"
#include "executor/layer/store.h"
#include "executor/ops/evaluator.h"
#include "executor/registry/registry.h"
#include "executor/runtime/oci_runner.h"
#include "executor/snapshot/snapshotter.h"
#include "executor/solver/solver.h"
#include "executor/source/fetcher.h"

namespace slipway::builder {

/// Vertices at once, over all builds.
size_t StepLimit(const Options& options);

/// Neither copied nor moved: its parts point at each other, and each uses only those above it.
struct Rooms {
  /// Makes the folders, removes what a crash left, probes the runtime. FAILED_PRECONDITION if another process has the
  /// root open.
  static Result<std::unique_ptr<Rooms>> Open(const Options& options, Logins logins);

  Rooms(const Options& with, Logins known);
  Rooms(const Rooms&) = delete;
  Rooms& operator=(const Rooms&) = delete;

  std::string Folder(std::string_view name) const;
  /// Where what is lent to steps is put for as long as they run.
  std::string LentFolder() const;

  /// For one run: its logins before the daemon's own. Downloads that it shares may use them too while it goes on.
  registry::Session SessionFor(const RegistryAccess& access);
  /// Null where the run is to have none of the daemon's.
  std::shared_ptr<GitLogins> GitLoginsFor(const RegistryAccess& access) const;

  const Options options;
  const Logins logins;
  fs::FileLock lock;
  ThreadPool cpu_pool;
  ThreadPool io_pool;  ///< its threads wait for registries most of the time
  std::unique_ptr<content::Store> content;
  std::unique_ptr<http::Transport> transport;
  std::unique_ptr<registry::Registry> registry;
  OpenLogins open_logins;
  std::unique_ptr<layer::Store> layers;
  std::unique_ptr<snapshot::Snapshotter> snapshotter;
  std::unique_ptr<runtime::OciRunner> runner;
  std::unique_ptr<source::ContextFetcher> sources;
  std::unique_ptr<solver::CacheStore> cache;
  std::unique_ptr<ops::CacheMounts> cache_mounts;
  std::unique_ptr<Storage> storage;
  std::unique_ptr<image::Exporter> exporter;
  std::unique_ptr<Attester> attester;
  std::unique_ptr<cache::Exporter> cache_exporter;
  std::unique_ptr<ops::FileOps> file_ops;
  std::unique_ptr<ops::ExecOps> exec_ops;
  std::unique_ptr<ops::RemoteOps> remote_ops;
  std::unique_ptr<ops::OpEvaluator> evaluator;
  std::unique_ptr<solver::Solver> solver;  ///< its threads use all of the above
  std::unique_ptr<RebaseStore> rebase_plans;
  std::unique_ptr<Rebaser> rebaser;

 private:
  Status OpenState();
  Status OpenRegistry();
  Status OpenRuntime();
  void Wire();
  std::string RunFolder() const;
  Status FetchLayer(const Context& ctx, const layer::Remote& remote,
                    const std::function<Status(std::string_view)>& sink, const VertexProgress& progress);
};

}  // namespace slipway::builder
