#include "executor/builder/builder.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <set>
#include <thread>

#include "executor/base/fs.h"
#include "executor/base/log.h"
#include "executor/base/thread_pool.h"
#include "executor/builder/attestations.h"
#include "executor/builder/build_context.h"
#include "executor/builder/built_image.h"
#include "executor/builder/compared_image.h"
#include "executor/builder/dockerfile_checks.h"
#include "executor/builder/epoch.h"
#include "executor/builder/image_resolver.h"
#include "executor/builder/named_contexts.h"
#include "executor/builder/open.h"
#include "executor/builder/rebase.h"
#include "executor/builder/remote_cache.h"
#include "executor/builder/request_options.h"
#include "executor/builder/run_workbench.h"
#include "executor/cache/exporter.h"
#include "executor/dockerfile/lower.h"
#include "executor/dockerfile/parse.h"
#include "executor/http/curl_transport.h"
#include "executor/http/url.h"
#include "executor/image/exporter.h"
#include "executor/image/layout.h"
#include "executor/image/rootfs.h"
#include "executor/image/squash.h"
#include "executor/ops/evaluator.h"
#include "executor/runtime/binfmt.h"
#include "executor/runtime/oci_runner.h"
#include "executor/snapshot/snapshotter.h"
#include "executor/solver/solver.h"
#include "executor/source/git_login.h"

namespace slipway::builder {

namespace {

constexpr size_t kIoThreads = 12;  // they wait for registries most of the time
/// Mirrors of repositories, and what is known of addresses, that no build has used for so long are given up.
constexpr std::chrono::hours kIdleSources{14 * 24};

size_t StepLimit(const Options& options) {
  if (options.max_parallel_steps != 0) return options.max_parallel_steps;
  // Most steps wait for a network, a disk or a clock: what computes is shared out by the kernel.
  return std::max<size_t>(16, 4 * static_cast<size_t>(std::thread::hardware_concurrency()));
}

uint64_t StorageBudget(const Options& options) {
  if (options.keep_storage_bytes != 0) return options.keep_storage_bytes;
  constexpr uint64_t kLeast = 10'000'000'000;
  struct statvfs disk {};
  if (::statvfs(options.root.c_str(), &disk) != 0) return kLeast;
  return std::max<uint64_t>(kLeast, static_cast<uint64_t>(disk.f_blocks) * disk.f_frsize / 10);
}

/// The vertices whose layers are in the images: from each root down along what it stands on.
std::set<Digest> LayersOnTheWay(const std::vector<graph::VertexPtr>& roots) {
  std::set<Digest> out;
  for (const graph::VertexPtr& root : roots) {
    const graph::Vertex* at = root.get();
    while (std::holds_alternative<graph::ExecOp>(at->op) || std::holds_alternative<graph::FileOp>(at->op)) {
      out.insert(at->definition);
      if (at->inputs.empty()) break;
      at = at->inputs.front().get();
    }
  }
  return out;
}

class BuilderImpl : public Builder {
 public:
  BuilderImpl(const Options& options, Logins logins)
      : options_(options), logins_(std::move(logins)), cpu_pool_(0, "cpu"), io_pool_(kIoThreads, "io") {}

  Status Open();

  content::Store& store() override { return *content_; }
  Result<BuiltImage> Build(const Context& ctx, const BuildRequest& request, ProgressSink& progress) override;
  Result<BuiltImage> Rebase(const Context& ctx, const BuildRequest& request, ProgressSink& progress) override {
    return rebaser_->Rebase(ctx, SessionFor(request.access), request, progress);
  }
  Result<Digest> Lookup(const Context& ctx, const oci::Reference& image) override;
  Result<PushResult> Push(const Context& ctx, const BuiltImage& image, const std::vector<oci::Reference>& names,
                          ProgressSink& progress) override;
  Result<DiffResult> Diff(const Context& ctx, const DiffRequest& request, const image::DifferenceSink& sink) override;
  Result<ImageInfo> Assemble(const Context& ctx, const BuiltImage& image, ProgressSink& progress) override;
  Status Export(const Context& ctx, const BuiltImage& image, const Output& output, image::OutputSink& sink,
                ProgressSink& progress) override;
  Result<std::vector<Attestation>> ReadAttestations(const Context& ctx, const oci::Reference& image,
                                                    std::string_view predicate_prefix) override {
    return builder::ReadAttestations(ctx, registry_->NewSession(), *content_, image, predicate_prefix);
  }
  Result<std::vector<std::string>> ChangedPaths(const Context& ctx, const std::string& location,
                                                const std::string& before, const std::string& after) override;
  Result<std::unique_ptr<Workbench>> OpenWorkbench(const std::string& name, const RegistryAccess& access) override;
  std::vector<std::pair<std::string, std::string>> Describe() override;
  Status Collect(const Context& ctx) override;

 private:
  std::string Folder(std::string_view name) const { return fs::Join(options_.root, name); }
  // In memory on most hosts, and short enough for sockets; the same after a restart, so that what a crash left is
  // found; different for every root.
  std::string RunFolder() const { return fs::Join("/run/slipway", Digest::Of(options_.root).Short()); }
  std::string LentFolder() const { return fs::Join(RunFolder(), "lent"); }
  Status OpenRegistry();
  registry::Session SessionFor(const RegistryAccess& access);
  std::shared_ptr<GitLogins> GitLoginsFor(const RegistryAccess& access) const {
    return access.isolated ? nullptr : logins_.git_hosts;
  }
  Status OpenRuntime();
  std::shared_ptr<image::PushAhead> MakePushAhead(const registry::Session& session,
                                                  const std::vector<oci::Reference>& names, BuiltImage::Impl& built) {
    std::set<registry::Repository> repositories;
    for (const oci::Reference& name : names) repositories.insert(registry::Repository::Of(name));
    return std::make_shared<image::PushAhead>(*exporter_, io_pool_, session, std::move(repositories), built.options,
                                              &built.lease);
  }
  Status SquashImages(const Context& ctx, BuiltImage::Impl& built, ProgressSink& progress);
  Status FetchLayer(const Context& ctx, const layer::Remote& remote,
                    const std::function<Status(std::string_view)>& sink, const VertexProgress& progress);
  Result<uint64_t> HeldBytes();

  const Options options_;
  const Logins logins_;
  fs::FileLock lock_;
  ThreadPool cpu_pool_;
  ThreadPool io_pool_;
  std::unique_ptr<content::Store> content_;
  std::unique_ptr<http::Transport> transport_;
  std::unique_ptr<registry::Registry> registry_;
  OpenLogins open_logins_;
  std::unique_ptr<layer::Store> layers_;
  std::unique_ptr<snapshot::Snapshotter> snapshotter_;
  std::unique_ptr<runtime::OciRunner> runner_;
  std::unique_ptr<source::ContextFetcher> sources_;
  std::unique_ptr<solver::CacheStore> cache_;
  std::unique_ptr<image::Exporter> exporter_;
  std::unique_ptr<Attester> attester_;
  std::unique_ptr<cache::Exporter> cache_exporter_;
  std::unique_ptr<ops::CacheMounts> cache_mounts_;
  std::unique_ptr<ops::FileOps> file_ops_;
  std::unique_ptr<ops::ExecOps> exec_ops_;
  std::unique_ptr<ops::RemoteOps> remote_ops_;
  std::unique_ptr<ops::OpEvaluator> evaluator_;
  std::unique_ptr<solver::Solver> solver_;  // its threads use all of the above
  std::unique_ptr<RebaseStore> rebase_plans_;
  std::unique_ptr<Rebaser> rebaser_;
};

Status BuilderImpl::Open() {
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(options_.root, 0700));
  SLIPWAY_ASSIGN_OR_RETURN(lock_, fs::FileLock::TryAcquire(Folder("lock")).With("open the state folder"));
  SLIPWAY_ASSIGN_OR_RETURN(content_, content::Store::Open(Folder("content")));
  SLIPWAY_RETURN_IF_ERROR(OpenRegistry());
  const auto fetch = [this](const Context& ctx, const layer::Remote& remote, const auto& sink,
                            const VertexProgress& progress) { return FetchLayer(ctx, remote, sink, progress); };
  // In this order: the runner ends containers that a crash left, so that the snapshotter can take their mounts away, so
  // that the layer store can sweep its folders.
  SLIPWAY_RETURN_IF_ERROR(OpenRuntime());
  SLIPWAY_ASSIGN_OR_RETURN(snapshotter_, snapshot::Open(Folder("snapshots")));
  SLIPWAY_ASSIGN_OR_RETURN(layers_,
                           layer::Store::Open({.root = Folder("layers"), .limits = {}}, *content_, cpu_pool_, fetch));
  // Of runs that a crash ended: their containers are gone, and so are the mounts of these.
  SLIPWAY_RETURN_IF_ERROR(fs::RemoveAll(Folder("runs")));
  SLIPWAY_ASSIGN_OR_RETURN(cache_, solver::CacheStore::Open(Folder("cache.db")));
  source::FetcherOptions fetcher;
  fetcher.root = Folder("sources");
  fetcher.git.allow_local = options_.allow_local_git;
  SLIPWAY_ASSIGN_OR_RETURN(sources_, source::ContextFetcher::Open(fetcher, *content_, *transport_));

  exporter_ = std::make_unique<image::Exporter>(*layers_, io_pool_);
  attester_ = std::make_unique<Attester>(*layers_);
  cache_exporter_ = std::make_unique<cache::Exporter>(*layers_, *exporter_, io_pool_);
  cache_mounts_ = std::make_unique<ops::CacheMounts>(Folder("cache-mounts"));
  file_ops_ = std::make_unique<ops::FileOps>(*layers_, *content_);
  exec_ops_ = std::make_unique<ops::ExecOps>(*layers_, *snapshotter_, *runner_, *cache_mounts_, snapshot::IdMap{},
                                             LentFolder());
  remote_ops_ = std::make_unique<ops::RemoteOps>(*layers_, *sources_, options_.limits, LentFolder());
  evaluator_ = std::make_unique<ops::OpEvaluator>(*file_ops_, *exec_ops_, *remote_ops_);
  solver_ = std::make_unique<solver::Solver>(*evaluator_, *cache_, *layers_, *content_, StepLimit(options_));
  SLIPWAY_ASSIGN_OR_RETURN(rebase_plans_, RebaseStore::Open(Folder("rebase.db")));
  rebaser_ = std::make_unique<Rebaser>(Rebaser::Parts{.options = options_,
                                                      .layers = *layers_,
                                                      .content = *content_,
                                                      .solver = *solver_,
                                                      .plans = *rebase_plans_,
                                                      .pool = io_pool_});
  return Status();
}

Status BuilderImpl::OpenRegistry() {
  http::CurlOptions curl;
  curl.plain_http_hosts = options_.insecure_registries;
  if (!options_.ca_file.empty()) curl.extra_ca_files.push_back(options_.ca_file);
  SLIPWAY_ASSIGN_OR_RETURN(transport_, http::NewCurlTransport(std::move(curl)));
  std::shared_ptr<registry::CredentialSource> credentials;
  if (!options_.docker_config.empty()) {
    const std::string path = fs::Join(options_.docker_config, "config.json");
    if (fs::Exists(path)) {
      SLIPWAY_ASSIGN_OR_RETURN(credentials, registry::DockerConfigFile(path));
    }
  }
  registry::Options registry;
  registry.insecure_hosts = options_.insecure_registries;
  registry_ = std::make_unique<registry::Registry>(
      registry, std::shared_ptr<http::Transport>(transport_.get(), [](http::Transport*) {}),
      registry::ChainCredentials({logins_.registries, std::move(credentials)}));
  return Status();
}

Status BuilderImpl::OpenRuntime() {
  runtime::RunnerOptions runner;
  runner.daemon_id = Digest::Of(options_.root).Short();
  runner.run_root = RunFolder();
  if (options_.runtime != "auto" && !options_.runtime.empty()) runner.runtimes = {options_.runtime};
  if (options_.network == "host") runner.default_network = runtime::NetworkMode::kHost;
  if (options_.network == "none") runner.default_network = runtime::NetworkMode::kNone;
  SLIPWAY_ASSIGN_OR_RETURN(runner_, runtime::OciRunner::Make(Context::Background(), runner));
  spdlog::info("containers are run by {}", runner_->probe().ToString());
  spdlog::info("emulated platforms: {}",
               runtime::DescribeEmulation(oci::Platform::Host(), runtime::ReadBinfmtHandlers()));
  // The runner has taken away what was mounted there.
  SLIPWAY_RETURN_IF_ERROR(fs::RemoveAll(LentFolder()));
  return fs::MakeDirs(LentFolder(), 0700);
}

Status BuilderImpl::FetchLayer(const Context& ctx, const layer::Remote& remote,
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
  for (auto& logins : open_logins_.For(ctx, remote.host)) {
    Status status = fetch(registry_->NewIsolatedSession(std::move(logins)));
    // Another one may be allowed to read what this one is not, and nothing has come yet.
    if (status.code() != Code::kUnauthenticated && status.code() != Code::kPermissionDenied) return status;
  }
  return fetch(registry_->NewSession());
}

registry::Session BuilderImpl::SessionFor(const RegistryAccess& access) {
  open_logins_.Add(access.logins);
  return access.isolated ? registry_->NewIsolatedSession(access.logins) : registry_->NewSession(access.logins);
}

Result<Digest> BuilderImpl::Lookup(const Context& ctx, const oci::Reference& image) {
  const auto look = [&](const registry::Session& session) -> Result<Digest> {
    SLIPWAY_ASSIGN_OR_RETURN(const registry::Document document, session.Resolve(ctx, image));
    return document.descriptor.digest;
  };
  if (logins_.for_lookup) {
    for (Logins::Source& login : logins_.for_lookup(ctx, image)) {
      Result<Digest> found = look(registry_->NewSession(std::move(login)));
      // A registry hides by NOT_FOUND what somebody may not see; another one may.
      const bool refused = found.code() == Code::kUnauthenticated || found.code() == Code::kPermissionDenied ||
                           found.code() == Code::kNotFound;
      if (!refused) return found;
    }
  }
  return look(registry_->NewSession());
}

Result<BuiltImage> BuilderImpl::Build(const Context& ctx, const BuildRequest& request, ProgressSink& progress) {
  if (request.attest.any() && request.media_types != oci::Family::kOci) {
    return InvalidArgument("provenance and bill of materials are attached by OCI's media types only");
  }
  SLIPWAY_RETURN_IF_ERROR(WantsIndex(request).status());
  BuiltImage built;
  built.impl = std::make_shared<BuiltImage::Impl>();
  built.impl->access = request.access;
  const registry::Session session = SessionFor(request.access);
  SLIPWAY_ASSIGN_OR_RETURN(built.impl->lease, content_->NewLease("a build"));
  const graph::LentPtr lent = LentBy(request.inputs);
  SLIPWAY_ASSIGN_OR_RETURN(const BuildContext context,
                           BuildContext::Load(ctx, request, lent, LentFolder(), GitLoginsFor(request.access).get(),
                                              options_.limits, *sources_, *layers_, progress));
  built.revision = context.revision();
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<NamedValue> arguments, ArgumentsWithEpoch(request, context.commit_time()));
  dockerfile::Dockerfile dockerfile;
  const Status parsed = dockerfile::ParseInto(context.dockerfile_text(), context.dockerfile_name(), &dockerfile);
  DockerfileChecks checks(progress);  // tells what was found, whatever comes of the build
  SLIPWAY_RETURN_IF_ERROR(checks.Start(dockerfile, parsed, request));
  RegistryImages registry(session, *layers_, *content_, built.impl->lease, progress);
  LocalImages local(request.local_images, registry);
  NotedImages images(local);
  BuildContexts contexts(request.inputs.contexts, lent,
                         {.sources = *sources_,
                          .layers = *layers_,
                          .lease = built.impl->lease,
                          .images = images,
                          .limits = options_.limits,
                          .progress = progress});

  const std::vector<oci::Platform> platforms = PlatformsOf(request);
  std::vector<attest::BuildFacts> facts;
  std::vector<graph::VertexPtr> roots;
  std::vector<dockerfile::Lowered> all_lowered;  // for what is kept for a rebase
  for (const oci::Platform& platform : platforms) {
    SLIPWAY_ASSIGN_OR_RETURN(dockerfile::LowerOptions options,
                             LowerOptionsOf(options_, request, arguments, platform, lent));
    options.named_contexts = &contexts;
    options.context = [&context] { return context.Vertex(); };
    options.warn = [&progress](std::string_view text, std::string_view detail) {
      VertexProgress(&progress, "", "").Warning(text, detail);
    };
    if (&platform == &platforms.front()) {
      checks.Join(&options, request, context);
    } else {
      options.warn = nullptr;  // it would tell the same
    }
    SLIPWAY_ASSIGN_OR_RETURN(dockerfile::Lowered lowered,
                             dockerfile::Lower(ctx, dockerfile, options, images, io_pool_));
    roots.push_back(lowered.result);
    if (request.attest.any()) facts.push_back(FactsOf(request, context, lowered, platform));
    built.impl->images.push_back({.chain = {},
                                  .config = lowered.config,
                                  .base_layers = static_cast<size_t>(lowered.base_layers),
                                  .platform = platform,
                                  .attestations = {}});
    for (const dockerfile::BaseImage& base : lowered.bases) AddBase({base.reference, base.digest, base.runtime}, built);
    if (!request.rebase_key.empty()) all_lowered.push_back(std::move(lowered));
  }
  SLIPWAY_RETURN_IF_ERROR(checks.Finish(request));
  if (request.check_only) return built;
  SLIPWAY_ASSIGN_OR_RETURN(built.impl->options, ExportOptionsOf(request, arguments));
  solver::SolveOptions solve = SolveOptionsOf(request);
  if (request.push_follows && !request.squash) {
    built.impl->ahead = MakePushAhead(session, request.names, *built.impl);
    solve.on_executed = [ahead = built.impl->ahead.get(), own = LayersOnTheWay(roots)](const graph::Vertex& vertex,
                                                                                       const layer::Chain& chain) {
      if (own.contains(vertex.definition)) ahead->Offer(chain);
    };
  }
  solve.sources = ImportCaches(ctx, request, session, platforms, *layers_, progress);
  SLIPWAY_ASSIGN_OR_RETURN(solver::Solved solved, solver_->Solve(ctx, roots, progress, solve));
  for (size_t i = 0; i < roots.size(); ++i) {
    built.impl->images[i].chain = std::move(solved.roots[i].chain);
    built.impl->pins.push_back(layers_->Hold(built.impl->images[i].chain));
  }
  built.summary = {solved.stats.vertices, solved.stats.cached};
  SLIPWAY_RETURN_IF_ERROR(ExportCaches(ctx, request, session, *cache_exporter_, built.impl->options,
                                       std::move(solved.results), built.impl->images, &built.impl->lease, progress));
  if (!all_lowered.empty()) {
    built.impl->rebase =
        std::make_shared<RebaseDraft>(Rebaser::Draft(request, context, all_lowered, *built.impl, images.Take()));
  }
  if (request.squash) SLIPWAY_RETURN_IF_ERROR(SquashImages(ctx, *built.impl, progress));
  for (size_t i = 0; i < facts.size(); ++i) {
    image::PlatformImage& image = built.impl->images[i];
    SLIPWAY_ASSIGN_OR_RETURN(
        image.attestations, attester_->Make(ctx, request.attest, facts[i], image, built.impl->options.epoch, progress));
  }
  return built;
}

Status BuilderImpl::SquashImages(const Context& ctx, BuiltImage::Impl& built, ProgressSink& sink) {
  const VertexProgress progress(&sink, "squash", "squashing layers");
  progress.Started();
  Status status;
  for (image::PlatformImage& image : built.images) {
    auto squashed = image::Squash(ctx, *layers_, image, &built.lease, progress);
    status = squashed.status();
    if (!status.ok()) break;
    image = *std::move(squashed);
    built.pins.push_back(layers_->Hold(image.chain));
  }
  progress.Finished(status);
  return status;
}

Result<PushResult> BuilderImpl::Push(const Context& ctx, const BuiltImage& image,
                                     const std::vector<oci::Reference>& names, ProgressSink& progress) {
  SLIPWAY_ASSIGN_OR_RETURN(image::Pushed pushed,
                           exporter_->Push(ctx, SessionFor(image.impl->access), image.impl->images, image.impl->options,
                                           names, &image.impl->lease, progress, image.impl->ahead.get()));
  if (image.impl->rebase != nullptr && !names.empty()) {
    rebaser_->Keep(*image.impl->rebase, pushed.documents, registry::Repository::Of(names.front()));
  }
  PushResult out;
  out.manifest = pushed.documents.root;
  out.names = names;
  for (const image::PushedBlob& blob : pushed.layers) {
    PushedLayer::How how = PushedLayer::How::kThere;
    if (blob.outcome == registry::BlobOutcome::kMounted) how = PushedLayer::How::kMounted;
    if (blob.outcome == registry::BlobOutcome::kUploaded) how = PushedLayer::How::kUploaded;
    out.layers.push_back({blob.descriptor, how});
  }
  return out;
}

Result<ImageInfo> BuilderImpl::Assemble(const Context& ctx, const BuiltImage& image, ProgressSink& progress) {
  SLIPWAY_ASSIGN_OR_RETURN(image::Documents documents, exporter_->Assemble(ctx, image.impl->images, image.impl->options,
                                                                           &image.impl->lease, progress));
  ImageInfo out;
  out.manifest = documents.root;
  for (const image::Documents::Platform& platform : documents.platforms) {
    out.config = platform.manifest.config.digest;
    out.layers.insert(out.layers.end(), platform.manifest.layers.begin(), platform.manifest.layers.end());
  }
  return out;
}

Result<std::vector<std::string>> BuilderImpl::ChangedPaths(const Context& ctx, const std::string& location,
                                                           const std::string& before, const std::string& after) {
  SLIPWAY_ASSIGN_OR_RETURN(source::ContextSpec spec, source::ParseContext(location));
  auto* git = std::get_if<source::GitContext>(&spec);
  if (git == nullptr) return InvalidArgument("'{}' is no git repository", http::RedactUrl(location));
  SLIPWAY_RETURN_IF_ERROR(source::UseLogin(ctx, logins_.git_hosts.get(), git));
  return sources_->git().ChangedPaths(ctx, *git, before, after, options_.limits, VertexProgress());
}

Result<std::unique_ptr<Workbench>> BuilderImpl::OpenWorkbench(const std::string& name, const RegistryAccess& access) {
  const WorkbenchParts parts = {.content = *content_,
                                .layers = *layers_,
                                .session = SessionFor(access),
                                .git_logins = GitLoginsFor(access),
                                .sources = *sources_,
                                .snapshotter = *snapshotter_,
                                .runner = *runner_,
                                .limits = options_.limits,
                                .allow_privileged = options_.allow_insecure_security,
                                .allow_host_network = options_.allow_host_network,
                                .has_bridge = options_.network != "host" && options_.network != "none"};
  SLIPWAY_ASSIGN_OR_RETURN(std::unique_ptr<RunWorkbench> workbench,
                           RunWorkbench::Open(parts, name, fs::Join(Folder("runs"), name)));
  return std::unique_ptr<Workbench>(std::move(workbench));
}

Status BuilderImpl::Export(const Context& ctx, const BuiltImage& image, const Output& output, image::OutputSink& sink,
                           ProgressSink& progress) {
  const std::vector<image::PlatformImage>& images = image.impl->images;
  if (output.kind != OutputKind::kRootfs) {
    SLIPWAY_ASSIGN_OR_RETURN(const image::Documents documents,
                             exporter_->Collect(ctx, images, image.impl->options, &image.impl->lease, progress));
    const image::LayoutOptions layout{.names = output.names, .docker = output.kind == OutputKind::kDocker};
    return image::WriteLayout(ctx, documents, layout, *content_, sink);
  }
  const VertexProgress vertex(&progress, "export", "exporting the file system");
  for (const image::PlatformImage& one : images) {
    std::string folder;
    if (images.size() > 1) {
      folder = one.platform.ToString();
      std::replace(folder.begin(), folder.end(), '/', '_');
    }
    SLIPWAY_RETURN_IF_ERROR(image::WriteRootfs(ctx, *layers_, one.chain, folder, sink, vertex));
  }
  return sink.Finish();
}

Result<DiffResult> BuilderImpl::Diff(const Context& ctx, const DiffRequest& request,
                                     const image::DifferenceSink& sink) {
  SLIPWAY_ASSIGN_OR_RETURN(content::Lease lease, content_->NewLease("a comparison"));
  const registry::Session session = registry_->NewSession();
  const oci::Platform platform = request.platform.value_or(oci::Platform::Host()).Normalized();
  SLIPWAY_ASSIGN_OR_RETURN(const image::DiffSide first,
                           FindComparedImage(ctx, request.first, platform, session, *content_, lease));
  SLIPWAY_ASSIGN_OR_RETURN(const image::DiffSide second,
                           FindComparedImage(ctx, request.second, platform, session, *content_, lease));
  SLIPWAY_RETURN_IF_ERROR(image::Diff(ctx, first, second, {}, sink));
  return DiffResult{.first = first.digest, .second = second.digest};
}

Result<uint64_t> BuilderImpl::HeldBytes() {
  SLIPWAY_ASSIGN_OR_RETURN(const uint64_t content, content_->TotalBytes());
  SLIPWAY_ASSIGN_OR_RETURN(const uint64_t folders, layers_->FolderBytes());
  SLIPWAY_ASSIGN_OR_RETURN(const uint64_t records, cache_->Bytes());
  return content + folders + records;
}

std::vector<std::pair<std::string, std::string>> BuilderImpl::Describe() {
  std::vector<std::pair<std::string, std::string>> out = {
      {"runtime", runner_->probe().ToString()},
      {"snapshotter", snapshotter_->name()},
      {"default registry", options_.default_registry},
      {"parallel steps", std::to_string(StepLimit(options_))},
      {"platform", oci::Platform::Host().ToString()},
      {"emulated platforms", runtime::DescribeEmulation(oci::Platform::Host(), runtime::ReadBinfmtHandlers())},
  };
  if (const auto held = HeldBytes(); held.ok()) {
    out.emplace_back("storage", fmt::format("{} of {}", FormatBytes(*held), FormatBytes(StorageBudget(options_))));
  }
  return out;
}

// Forgets the least recently used results, a quarter at a time, until what is kept fits the budget. Of very many
// records the oldest go in any case, and so do mirrors that are out of use (or in too many pieces).
Status BuilderImpl::Collect(const Context& ctx) {
  constexpr int64_t kMostRecords = 1'000'000;
  const uint64_t budget = StorageBudget(options_);
  SLIPWAY_RETURN_IF_ERROR(sources_->Collect(ctx, kIdleSources));
  SLIPWAY_ASSIGN_OR_RETURN(int64_t records, cache_->Count());
  if (records > kMostRecords) {
    SLIPWAY_ASSIGN_OR_RETURN(const int64_t dropped, cache_->DropOldest(records - kMostRecords * 9 / 10));
    records -= dropped;
  }
  while (true) {
    SLIPWAY_ASSIGN_OR_RETURN(const uint64_t held, HeldBytes());
    if (held <= budget) return Status();
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<layer::Key> keep, cache_->Layers());
    SLIPWAY_RETURN_IF_ERROR(layers_->Retain(keep));
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<Digest> in_use, layers_->ContentInUse());
    SLIPWAY_ASSIGN_OR_RETURN(const uint64_t folders, layers_->FolderBytes());
    SLIPWAY_RETURN_IF_ERROR(
        content_->Collect(ctx, {.keep_bytes = budget - std::min(budget, folders)}, in_use).status());
    if (records == 0) return Status();
    SLIPWAY_ASSIGN_OR_RETURN(const int64_t dropped, cache_->DropOldest(std::max<int64_t>(1, records / 4)));
    records = dropped == 0 ? 0 : records - dropped;
  }
}

}  // namespace

void AddBase(const BuiltImage::Base& base, BuiltImage& built) {
  const auto same = std::find_if(built.bases.begin(), built.bases.end(), [&](const BuiltImage::Base& known) {
    return known.reference == base.reference && known.digest == base.digest;
  });
  if (same == built.bases.end()) {
    built.bases.push_back(base);
  } else {
    same->runtime = same->runtime || base.runtime;
  }
}

const image::PlatformImage* FindPlatform(const BuiltImage& image, const oci::Platform& platform) {
  if (!image.impl) return nullptr;
  for (const image::PlatformImage& one : image.impl->images) {
    if (platform.Matches(one.config.platform)) return &one;
  }
  return nullptr;
}

Result<std::unique_ptr<Builder>> Builder::Open(const Options& options) { return OpenBuilder(options, {}); }

Result<std::unique_ptr<Builder>> OpenBuilder(const Options& options, Logins logins) {
  auto builder = std::make_unique<BuilderImpl>(options, std::move(logins));
  SLIPWAY_RETURN_IF_ERROR(builder->Open());
  return std::unique_ptr<Builder>(std::move(builder));
}

}  // namespace slipway::builder
