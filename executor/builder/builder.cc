#include "executor/builder/builder.h"

#include <algorithm>

#include "executor/builder/built_image.h"
#include "executor/builder/compared_image.h"
#include "executor/builder/image_build.h"
#include "executor/builder/open.h"
#include "executor/builder/rooms.h"
#include "executor/builder/run_workbench.h"
#include "executor/http/url.h"
#include "executor/image/layout.h"
#include "executor/image/rootfs.h"
#include "executor/runtime/binfmt.h"
#include "executor/source/git_login.h"

namespace slipway::builder {

namespace {

class BuilderImpl : public Builder {
 public:
  explicit BuilderImpl(std::unique_ptr<Rooms> rooms) : rooms_(std::move(rooms)) {}

  void Expect(source::ArrivedTree arrived) override { rooms_->sources->Expect(std::move(arrived)); }
  content::Store& store() override { return *rooms_->content; }
  Result<BuiltImage> Build(const Context& ctx, const BuildRequest& request, ProgressSink& progress) override {
    return ImageBuild(*rooms_, request, progress).Run(ctx);
  }
  Result<BuiltImage> Rebase(const Context& ctx, const BuildRequest& request, ProgressSink& progress) override {
    return rooms_->rebaser->Rebase(ctx, rooms_->SessionFor(request.access), request, progress);
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
    return builder::ReadAttestations(ctx, rooms_->registry->NewSession(), *rooms_->content, image, predicate_prefix);
  }
  Result<std::vector<std::string>> ChangedPaths(const Context& ctx, const std::string& location,
                                                const std::string& before, const std::string& after) override;
  Result<std::unique_ptr<Workbench>> OpenWorkbench(const std::string& name, const RegistryAccess& access) override;
  std::vector<std::pair<std::string, std::string>> Describe() override;
  Status Collect(const Context& ctx) override { return rooms_->storage->Collect(ctx); }
  Result<Pruned> Prune(const Context& ctx, uint64_t keep_bytes) override {
    return rooms_->storage->Prune(ctx, keep_bytes);
  }

 private:
  const std::unique_ptr<Rooms> rooms_;
};

Result<Digest> BuilderImpl::Lookup(const Context& ctx, const oci::Reference& image) {
  const auto look = [&](const registry::Session& session) -> Result<Digest> {
    SLIPWAY_ASSIGN_OR_RETURN(const registry::Document document, session.Resolve(ctx, image));
    return document.descriptor.digest;
  };
  if (rooms_->logins.for_lookup) {
    for (Logins::Source& login : rooms_->logins.for_lookup(ctx, image)) {
      Result<Digest> found = look(rooms_->registry->NewSession(std::move(login)));
      // A registry hides by NOT_FOUND what somebody may not see; another one may.
      const bool refused = found.code() == Code::kUnauthenticated || found.code() == Code::kPermissionDenied ||
                           found.code() == Code::kNotFound;
      if (!refused) return found;
    }
  }
  return look(rooms_->registry->NewSession());
}

Result<PushResult> BuilderImpl::Push(const Context& ctx, const BuiltImage& image,
                                     const std::vector<oci::Reference>& names, ProgressSink& progress) {
  SLIPWAY_ASSIGN_OR_RETURN(
      image::Pushed pushed,
      rooms_->exporter->Push(ctx, rooms_->SessionFor(image.impl->access), image.impl->images, image.impl->options,
                             names, &image.impl->lease, progress, image.impl->ahead.get()));
  if (image.impl->rebase != nullptr && !names.empty()) {
    rooms_->rebaser->Keep(*image.impl->rebase, pushed.documents, registry::Repository::Of(names.front()));
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
  SLIPWAY_ASSIGN_OR_RETURN(
      image::Documents documents,
      rooms_->exporter->Assemble(ctx, image.impl->images, image.impl->options, &image.impl->lease, progress));
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
  SLIPWAY_RETURN_IF_ERROR(source::UseLogin(ctx, rooms_->logins.git_hosts.get(), git));
  return rooms_->sources->git().ChangedPaths(ctx, *git, before, after, rooms_->options.limits, VertexProgress());
}

Result<std::unique_ptr<Workbench>> BuilderImpl::OpenWorkbench(const std::string& name, const RegistryAccess& access) {
  const WorkbenchParts parts = {.content = *rooms_->content,
                                .layers = *rooms_->layers,
                                .session = rooms_->SessionFor(access),
                                .git_logins = rooms_->GitLoginsFor(access),
                                .sources = *rooms_->sources,
                                .snapshotter = *rooms_->snapshotter,
                                .runner = *rooms_->runner,
                                .limits = rooms_->options.limits,
                                .allow_privileged = rooms_->options.allow_insecure_security,
                                .allow_host_network = rooms_->options.allow_host_network,
                                .has_bridge = rooms_->options.network != "host" && rooms_->options.network != "none"};
  SLIPWAY_ASSIGN_OR_RETURN(std::unique_ptr<RunWorkbench> workbench,
                           RunWorkbench::Open(parts, name, fs::Join(rooms_->Folder("runs"), name)));
  return std::unique_ptr<Workbench>(std::move(workbench));
}

Status BuilderImpl::Export(const Context& ctx, const BuiltImage& image, const Output& output, image::OutputSink& sink,
                           ProgressSink& progress) {
  const std::vector<image::PlatformImage>& images = image.impl->images;
  if (output.kind != OutputKind::kRootfs) {
    SLIPWAY_ASSIGN_OR_RETURN(const image::Documents documents,
                             rooms_->exporter->Collect(ctx, images, image.impl->options, &image.impl->lease, progress));
    const image::LayoutOptions layout{.names = output.names, .docker = output.kind == OutputKind::kDocker};
    return image::WriteLayout(ctx, documents, layout, *rooms_->content, sink);
  }
  const VertexProgress vertex(&progress, "export", "exporting the file system");
  for (const image::PlatformImage& one : images) {
    std::string folder;
    if (images.size() > 1) {
      folder = one.platform.ToString();
      std::replace(folder.begin(), folder.end(), '/', '_');
    }
    SLIPWAY_RETURN_IF_ERROR(image::WriteRootfs(ctx, *rooms_->layers, one.chain, folder, sink, vertex));
  }
  return sink.Finish();
}

Result<DiffResult> BuilderImpl::Diff(const Context& ctx, const DiffRequest& request,
                                     const image::DifferenceSink& sink) {
  SLIPWAY_ASSIGN_OR_RETURN(content::Lease lease, rooms_->content->NewLease("a comparison"));
  const registry::Session session = rooms_->registry->NewSession();
  const oci::Platform platform = request.platform.value_or(oci::Platform::Host()).Normalized();
  SLIPWAY_ASSIGN_OR_RETURN(const image::DiffSide first,
                           FindComparedImage(ctx, request.first, platform, session, *rooms_->content, lease));
  SLIPWAY_ASSIGN_OR_RETURN(const image::DiffSide second,
                           FindComparedImage(ctx, request.second, platform, session, *rooms_->content, lease));
  SLIPWAY_RETURN_IF_ERROR(image::Diff(ctx, first, second, {}, sink));
  return DiffResult{.first = first.digest, .second = second.digest};
}

std::vector<std::pair<std::string, std::string>> BuilderImpl::Describe() {
  std::vector<std::pair<std::string, std::string>> out = {
      {"runtime", rooms_->runner->probe().ToString()},
      {"snapshotter", rooms_->snapshotter->name()},
      {"default registry", rooms_->options.default_registry},
      {"parallel steps", std::to_string(StepLimit(rooms_->options))},
      {"platform", oci::Platform::Host().ToString()},
      {"emulated platforms", runtime::DescribeEmulation(oci::Platform::Host(), runtime::ReadBinfmtHandlers())},
  };
  if (auto storage = rooms_->storage->Describe(); storage.ok()) out.emplace_back("storage", *std::move(storage));
  return out;
}

}  // namespace

Result<std::unique_ptr<Builder>> Builder::Open(const Options& options) { return OpenBuilder(options, {}); }

Result<std::unique_ptr<Builder>> OpenBuilder(const Options& options, Logins logins) {
  SLIPWAY_ASSIGN_OR_RETURN(std::unique_ptr<Rooms> rooms, Rooms::Open(options, std::move(logins)));
  return std::unique_ptr<Builder>(std::make_unique<BuilderImpl>(std::move(rooms)));
}

}  // namespace slipway::builder
