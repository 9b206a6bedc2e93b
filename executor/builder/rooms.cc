#include "executor/builder/rooms.h"

#include <algorithm>
#include <thread>

#include "executor/base/log.h"
#include "executor/http/curl_transport.h"
#include "executor/runtime/binfmt.h"

namespace slipway::builder {

namespace {
constexpr size_t kIoThreads = 12;
}  // namespace

size_t StepLimit(const Options& options) {
  if (options.max_parallel_steps != 0) return options.max_parallel_steps;
  // Most steps wait for a network, a disk or a clock: what computes is shared out by the kernel.
  return std::max<size_t>(16, 4 * static_cast<size_t>(std::thread::hardware_concurrency()));
}

Rooms::Rooms(const Options& with, Logins known)
    : options(with), logins(std::move(known)), cpu_pool(0, "cpu"), io_pool(kIoThreads, "io") {}

std::string Rooms::Folder(std::string_view name) const { return fs::Join(options.root, name); }

// In memory on most hosts, and short enough for sockets; the same after a restart, so that what a crash left is found;
// different for every root.
std::string Rooms::RunFolder() const { return fs::Join("/run/slipway", Digest::Of(options.root).Short()); }

std::string Rooms::LentFolder() const { return fs::Join(RunFolder(), "lent"); }

Result<std::unique_ptr<Rooms>> Rooms::Open(const Options& options, Logins logins) {
  auto rooms = std::make_unique<Rooms>(options, std::move(logins));
  SLIPWAY_RETURN_IF_ERROR(rooms->OpenState());
  rooms->Wire();
  return rooms;
}

Status Rooms::OpenState() {
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(options.root, 0700));
  SLIPWAY_ASSIGN_OR_RETURN(lock, fs::FileLock::TryAcquire(Folder("lock")).With("open the state folder"));
  SLIPWAY_ASSIGN_OR_RETURN(content, content::Store::Open(Folder("content")));
  SLIPWAY_RETURN_IF_ERROR(OpenRegistry());
  const auto fetch = [this](const Context& ctx, const layer::Remote& remote, const auto& sink,
                            const VertexProgress& progress) { return FetchLayer(ctx, remote, sink, progress); };
  // In this order: the runner ends containers that a crash left, so that the snapshotter can take their mounts away, so
  // that the layer store can sweep its folders.
  SLIPWAY_RETURN_IF_ERROR(OpenRuntime());
  SLIPWAY_ASSIGN_OR_RETURN(snapshotter, snapshot::Open(Folder("snapshots")));
  SLIPWAY_ASSIGN_OR_RETURN(layers,
                           layer::Store::Open({.root = Folder("layers"), .limits = {}}, *content, cpu_pool, fetch));
  // Of runs that a crash ended: their containers are gone, and so are the mounts of these.
  SLIPWAY_RETURN_IF_ERROR(fs::RemoveAll(Folder("runs")));
  SLIPWAY_ASSIGN_OR_RETURN(cache, solver::CacheStore::Open(Folder("cache.db")));
  SLIPWAY_ASSIGN_OR_RETURN(cache_mounts, ops::CacheMounts::Open(Folder("cache-mounts")));
  source::FetcherOptions fetcher;
  fetcher.root = Folder("sources");
  fetcher.git.allow_local = options.allow_local_git;
  SLIPWAY_ASSIGN_OR_RETURN(sources, source::ContextFetcher::Open(fetcher, *content, *transport));
  SLIPWAY_ASSIGN_OR_RETURN(rebase_plans, RebaseStore::Open(Folder("rebase.db")));
  return Status();
}

void Rooms::Wire() {
  storage = std::make_unique<Storage>(options, *content, *layers, *cache, *cache_mounts, *sources);
  exporter = std::make_unique<image::Exporter>(*layers, io_pool);
  attester = std::make_unique<Attester>(*layers);
  cache_exporter = std::make_unique<cache::Exporter>(*layers, *exporter, io_pool);
  file_ops = std::make_unique<ops::FileOps>(*layers, *content);
  exec_ops =
      std::make_unique<ops::ExecOps>(*layers, *snapshotter, *runner, *cache_mounts, snapshot::IdMap{}, LentFolder());
  remote_ops = std::make_unique<ops::RemoteOps>(*layers, *sources, options.limits, LentFolder());
  evaluator = std::make_unique<ops::OpEvaluator>(*file_ops, *exec_ops, *remote_ops);
  solver = std::make_unique<solver::Solver>(*evaluator, *cache, *layers, *content, StepLimit(options));
  rebaser = std::make_unique<Rebaser>(Rebaser::Parts{.options = options,
                                                     .layers = *layers,
                                                     .content = *content,
                                                     .solver = *solver,
                                                     .plans = *rebase_plans,
                                                     .pool = io_pool});
}

Status Rooms::OpenRegistry() {
  http::CurlOptions curl;
  curl.plain_http_hosts = options.insecure_registries;
  if (!options.ca_file.empty()) curl.extra_ca_files.push_back(options.ca_file);
  SLIPWAY_ASSIGN_OR_RETURN(transport, http::NewCurlTransport(std::move(curl)));
  std::shared_ptr<registry::CredentialSource> credentials;
  if (!options.docker_config.empty()) {
    const std::string path = fs::Join(options.docker_config, "config.json");
    if (fs::Exists(path)) {
      SLIPWAY_ASSIGN_OR_RETURN(credentials, registry::DockerConfigFile(path));
    }
  }
  registry::Options settings;
  settings.insecure_hosts = options.insecure_registries;
  registry = std::make_unique<registry::Registry>(
      settings, std::shared_ptr<http::Transport>(transport.get(), [](http::Transport*) {}),
      registry::ChainCredentials({logins.registries, std::move(credentials)}));
  return Status();
}

Status Rooms::OpenRuntime() {
  runtime::RunnerOptions settings;
  settings.daemon_id = Digest::Of(options.root).Short();
  settings.run_root = RunFolder();
  if (options.runtime != "auto" && !options.runtime.empty()) settings.runtimes = {options.runtime};
  if (options.network == "host") settings.default_network = runtime::NetworkMode::kHost;
  if (options.network == "none") settings.default_network = runtime::NetworkMode::kNone;
  SLIPWAY_ASSIGN_OR_RETURN(runner, runtime::OciRunner::Make(Context::Background(), settings));
  spdlog::info("containers are run by {}", runner->probe().ToString());
  spdlog::info("emulated platforms: {}",
               runtime::DescribeEmulation(oci::Platform::Host(), runtime::ReadBinfmtHandlers()));
  // The runner has taken away what was mounted there.
  SLIPWAY_RETURN_IF_ERROR(fs::RemoveAll(LentFolder()));
  return fs::MakeDirs(LentFolder(), 0700);
}

Status Rooms::FetchLayer(const Context& ctx, const layer::Remote& remote,
                         const std::function<Status(std::string_view)>& sink, const VertexProgress& progress) {
  if (remote.host.empty()) {
    return FailedPrecondition("layer {} came with an uploaded OCI layout and is not here any more; build again with it",
                              remote.descriptor.digest.Short());
  }
  const std::string what = "download " + remote.descriptor.digest.Short();
  const auto count = [&](uint64_t done, uint64_t total) { progress.Count(what, done, total); };
  const auto fetch = [&](const registry::Session& session) {
    return session.FetchBlob(ctx, {remote.host, remote.repository}, remote.descriptor, sink, count,
                             registry::HashedBy::kSink);
  };
  for (auto& open : open_logins.For(ctx, remote.host)) {
    Status status = fetch(registry->NewIsolatedSession(std::move(open)));
    // Another one may be allowed to read what this one is not, and nothing has come yet.
    if (status.code() != Code::kUnauthenticated && status.code() != Code::kPermissionDenied) return status;
  }
  return fetch(registry->NewSession());
}

registry::Session Rooms::SessionFor(const RegistryAccess& access) {
  open_logins.Add(access.logins);
  return access.isolated ? registry->NewIsolatedSession(access.logins) : registry->NewSession(access.logins);
}

std::shared_ptr<GitLogins> Rooms::GitLoginsFor(const RegistryAccess& access) const {
  return access.isolated ? nullptr : logins.git_hosts;
}

}  // namespace slipway::builder
