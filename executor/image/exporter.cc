#include "executor/image/exporter.h"

#include <algorithm>
#include <atomic>
#include <set>

#include "executor/base/cleanup.h"
#include "executor/base/guarded.h"
#include "executor/base/log.h"
#include "executor/image/ahead.h"

namespace slipway::image {

namespace {

// Docker's and OCI's names for the same layer bytes.
oci::Descriptor AsFamily(const oci::Descriptor& layer, oci::Family family) {
  oci::Descriptor out;
  out.media_type = layer.media_type;
  if (const auto compression = oci::LayerCompression(layer.media_type); compression.ok()) {
    out.media_type = oci::LayerMediaType(*compression, family);
  }
  out.digest = layer.digest;
  out.size = layer.size;
  out.annotations = layer.annotations;
  return out;
}

oci::Descriptor DescribeJson(std::string_view media_type, std::string_view json) {
  oci::Descriptor out;
  out.media_type = media_type;
  out.digest = Digest::Of(json);
  out.size = static_cast<int64_t>(json.size());
  return out;
}

Documents Combine(const std::vector<PlatformImage>& images, std::vector<Documents::Platform> platforms,
                  const ExportOptions& options) {
  Documents out;
  out.platforms = std::move(platforms);
  for (size_t i = 0; i < out.platforms.size(); ++i) {
    if (images[i].attestations.empty()) continue;
    out.platforms[i].attestation = MakeAttestation(images[i].attestations, out.platforms[i].descriptor);
  }
  if (out.platforms.size() == 1 && !out.platforms[0].attestation && !options.always_index) {
    out.root = out.platforms[0].descriptor;
    out.root_json = out.platforms[0].manifest_json;
    return out;
  }
  oci::Index index;
  const bool oci_family = options.family == oci::Family::kOci;
  index.media_type = oci_family ? oci::media_type::kIndex : oci::media_type::kDockerManifestList;
  for (size_t i = 0; i < out.platforms.size(); ++i) {
    oci::Descriptor entry = out.platforms[i].descriptor;
    entry.platform = images[i].platform;
    index.manifests.push_back(std::move(entry));
  }
  for (const Documents::Platform& platform : out.platforms) {
    if (platform.attestation) index.manifests.push_back(platform.attestation->descriptor);
  }
  out.root_json = index.ToJson();
  out.root = DescribeJson(index.media_type, out.root_json);
  return out;
}

std::vector<std::optional<SystemTime>> CreatedOf(layer::Store& layers, const PlatformImage& image) {
  std::vector<std::optional<SystemTime>> out;
  for (size_t i = 0; i < image.chain.size(); ++i) {
    const size_t own = i - image.base_layers;  // of layers of the base: huge
    const bool told = i >= image.base_layers && own < image.made.size() && image.made[own];
    out.push_back(told ? image.made[own] : layers.Created(image.chain[i]));
  }
  return out;
}

// Layers of all platforms, each once, in order.
std::vector<layer::Key> AllLayers(const std::vector<PlatformImage>& images) {
  std::vector<layer::Key> out;
  std::set<layer::Key> seen;
  for (const PlatformImage& image : images) {
    for (const layer::Key& key : image.chain) {
      if (seen.insert(key).second) out.push_back(key);
    }
  }
  return out;
}

/// Hands the assembler's bytes to an upload. A failed upload ends nothing: Commit sends the blob again.
class UploadSink : public layer::BlobSink {
 public:
  UploadSink(const Context& ctx, registry::Upload& upload) : ctx_(ctx), upload_(upload) {}
  Status Write(std::string_view bytes) override {
    used_ = true;
    return upload_.Write(ctx_, bytes);
  }
  bool used() const { return used_; }

 private:
  const Context& ctx_;
  registry::Upload& upload_;
  bool used_ = false;
};

}  // namespace

layer::AssembleOptions AssemblyOf(const ExportOptions& options) {
  layer::AssembleOptions out;
  out.compression = options.compression;
  out.family = options.family;
  out.level = options.level;
  if (options.rewrite_timestamp && options.epoch) {
    out.clamp_mtime = std::chrono::duration_cast<std::chrono::seconds>(options.epoch->time_since_epoch()).count();
  }
  return out;
}

Documents::Platform MakeDocuments(const PlatformImage& image, const std::vector<layer::AssembledLayer>& blobs,
                                  const std::vector<std::optional<SystemTime>>& created, const ExportOptions& options) {
  Documents::Platform out;
  oci::ImageConfig config = image.config;
  config.diff_ids.clear();
  for (const layer::AssembledLayer& blob : blobs) config.diff_ids.push_back(blob.diff_id);

  // Entries made here get the time of their layer; those without one the time of the layer before. So an image made of
  // cached layers only is the same image, to the byte, as before.
  std::optional<SystemTime> last = image.config.created;
  size_t layer = 0;
  for (oci::HistoryEntry& entry : config.history) {
    const bool of_base = layer < image.base_layers || (entry.empty_layer && entry.created.has_value());
    if (!entry.empty_layer && layer < created.size()) {
      if (layer >= image.base_layers) last = created[layer];
      ++layer;
    }
    if (of_base && entry.created) continue;
    entry.created = options.epoch ? options.epoch : last;
  }
  if (options.epoch) {
    config.created = options.epoch;
  } else {
    config.created = last;
  }
  const bool oci_family = options.family == oci::Family::kOci;
  out.config_json = config.ToJson();
  if (image.extra_json) {
    out.config_json.insert(out.config_json.size() - 1,
                           fmt::format(",\"{}\":{}", image.extra_member, image.extra_json(config.diff_ids)));
  }
  out.manifest.media_type = oci_family ? oci::media_type::kManifest : oci::media_type::kDockerManifest;
  out.manifest.config =
      DescribeJson(oci_family ? oci::media_type::kConfig : oci::media_type::kDockerConfig, out.config_json);
  for (const layer::AssembledLayer& blob : blobs) {
    out.manifest.layers.push_back(AsFamily(blob.descriptor, options.family));
  }
  out.manifest.annotations = options.annotations;
  out.manifest_json = out.manifest.ToJson();
  out.descriptor = DescribeJson(out.manifest.media_type, out.manifest_json);
  return out;
}

std::optional<Documents> Exporter::FromKnownBlobs(const std::vector<PlatformImage>& images,
                                                  const ExportOptions& options) {
  std::vector<Documents::Platform> platforms;
  for (const PlatformImage& image : images) {
    std::vector<layer::AssembledLayer> blobs;
    for (const layer::Key& key : image.chain) {
      std::optional<layer::AssembledLayer> known = layers_.KnownBlob(key, AssemblyOf(options));
      if (!known) return std::nullopt;
      blobs.push_back(*std::move(known));
    }
    platforms.push_back(MakeDocuments(image, blobs, CreatedOf(layers_, image), options));
  }
  return Combine(images, std::move(platforms), options);
}

Result<Documents> Exporter::Assemble(const Context& ctx, const std::vector<PlatformImage>& images,
                                     const ExportOptions& options, content::Lease* lease, ProgressSink& sink) {
  if (std::optional<Documents> known = FromKnownBlobs(images, options)) return *std::move(known);
  const VertexProgress progress(&sink, "export", "exporting layers");
  progress.Started();
  TaskGroup group(pool_);
  for (const layer::Key& key : AllLayers(images)) {
    if (layers_.KnownBlob(key, AssemblyOf(options))) continue;
    group.Run([&, key]() -> Status {
      return layers_.Blob(ctx, key, AssemblyOf(options), lease, nullptr, progress).status();
    });
  }
  Status status = group.Wait();
  progress.Finished(status);
  SLIPWAY_RETURN_IF_ERROR(status);
  std::optional<Documents> documents = FromKnownBlobs(images, options);
  if (!documents) return Internal("layers that were just assembled are not known");
  return *std::move(documents);
}

Result<Documents> Exporter::Collect(const Context& ctx, const std::vector<PlatformImage>& images,
                                    const ExportOptions& options, content::Lease* lease, ProgressSink& sink) {
  const VertexProgress progress(&sink, "export", "exporting layers");
  progress.Started();
  Guarded<std::map<layer::Key, layer::AssembledLayer>> blobs;
  TaskGroup group(pool_);
  for (const layer::Key& key : AllLayers(images)) {
    group.Run([&, key]() -> Status {
      SLIPWAY_ASSIGN_OR_RETURN(layer::AssembledLayer blob,
                               layers_.Blob(ctx, key, AssemblyOf(options), lease, nullptr, progress));
      blobs.Lock()->emplace(key, std::move(blob));
      return Status();
    });
  }
  const Status status = group.Wait();
  progress.Finished(status);
  SLIPWAY_RETURN_IF_ERROR(status);
  std::vector<Documents::Platform> platforms;
  for (const PlatformImage& image : images) {
    std::vector<layer::AssembledLayer> own;
    for (const layer::Key& key : image.chain) own.push_back(blobs.Lock()->at(key));
    platforms.push_back(MakeDocuments(image, own, CreatedOf(layers_, image), options));
  }
  return Combine(images, std::move(platforms), options);
}

/// One repository that is pushed to.
struct Exporter::Target {
  const registry::Session& session;
  registry::Repository repository;
  ExportOptions options;
  content::Lease* lease;
  VertexProgress progress;
};

Result<PushedBlob> Exporter::SendKnown(const Context& ctx, const Target& target, const layer::Key& key,
                                       const layer::AssembledLayer& known) {
  const Digest& digest = known.descriptor.digest;
  SLIPWAY_ASSIGN_OR_RETURN(const bool there, target.session.Exists(ctx, target.repository, digest));
  if (there) return PushedBlob{known.descriptor, registry::BlobOutcome::kExisted};
  for (const layer::Remote& remote : layers_.Remotes(key)) {
    if (remote.host != target.repository.host || remote.descriptor.digest != digest) continue;
    if (remote.repository == target.repository.name) continue;
    const registry::Repository from{remote.host, remote.repository};
    const auto mounted = target.session.Mount(ctx, target.repository, digest, from);
    if (mounted.ok() && *mounted) return PushedBlob{known.descriptor, registry::BlobOutcome::kMounted};
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
  }
  SLIPWAY_ASSIGN_OR_RETURN(const layer::AssembledLayer blob,
                           layers_.Blob(ctx, key, AssemblyOf(target.options), target.lease, nullptr, target.progress));
  SLIPWAY_ASSIGN_OR_RETURN(const content::Blob bytes, layers_.content().Open(blob.descriptor.digest));
  registry::PushOptions push;
  const std::string what = "upload " + blob.descriptor.digest.Short();
  push.progress = [&](uint64_t done, uint64_t total) { target.progress.Count(what, done, total); };
  SLIPWAY_ASSIGN_OR_RETURN(const registry::BlobOutcome outcome,
                           target.session.PushBlob(ctx, target.repository, blob.descriptor.digest, bytes, push));
  return PushedBlob{blob.descriptor, outcome};
}

Result<PushedBlob> Exporter::SendWhileMade(const Context& ctx, const Target& target, const layer::Key& key,
                                           const std::function<void()>& made) {
  SLIPWAY_ASSIGN_OR_RETURN(std::unique_ptr<registry::Upload> upload,
                           target.session.StartUpload(ctx, target.repository));
  UploadSink sink(ctx, *upload);
  SLIPWAY_ASSIGN_OR_RETURN(const layer::AssembledLayer blob,
                           layers_.Blob(ctx, key, AssemblyOf(target.options), target.lease, &sink, target.progress));
  if (made) made();
  // Another build made the layer at the same moment: nothing was streamed to us.
  if (!sink.used()) return SendKnown(ctx, target, key, blob);
  const auto whole = layers_.content().Open(blob.descriptor.digest);
  const Status sent = upload->Commit(ctx, blob.descriptor.digest, whole.ok() ? &*whole : nullptr);
  SLIPWAY_RETURN_IF_ERROR(ctx.Err());
  // What was not kept is made again, to be sent as often as it takes.
  if (!sent.ok() && !whole.ok()) return SendKnown(ctx, target, key, blob);
  SLIPWAY_RETURN_IF_ERROR(sent);
  const auto size = static_cast<uint64_t>(blob.descriptor.size);
  target.progress.Count("upload " + blob.descriptor.digest.Short(), size, size);
  return PushedBlob{blob.descriptor, registry::BlobOutcome::kUploaded};
}

Result<PushedBlob> Exporter::PushLayer(const Context& ctx, const Target& target, const layer::Key& key,
                                       const std::function<void()>& made) {
  const std::optional<layer::AssembledLayer> known = layers_.KnownBlob(key, AssemblyOf(target.options));
  if (known && made) made();
  auto pushed = known ? SendKnown(ctx, target, key, *known) : SendWhileMade(ctx, target, key, made);
  if (pushed.ok() && (pushed->outcome != registry::BlobOutcome::kExisted)) {
    const Status noted = layers_.NotePlace(
        key, {.descriptor = pushed->descriptor, .host = target.repository.host, .repository = target.repository.name});
    if (!noted.ok()) spdlog::warn("cannot record where layer '{}' is: {}", key, noted.message());
  }
  return pushed;
}

Status Exporter::PushAttestation(const Context& ctx, const Target& target, const Attestation& attestation) {
  SLIPWAY_RETURN_IF_ERROR(target.session.PushBytes(ctx, target.repository, attestation.config_json).status());
  for (const std::string& statement : attestation.statements) {
    SLIPWAY_RETURN_IF_ERROR(target.session.PushBytes(ctx, target.repository, statement).status());
  }
  return PushManifest(ctx, target, attestation.descriptor, attestation.manifest_json);
}

Status Exporter::PushManifest(const Context& ctx, const Target& target, const oci::Descriptor& descriptor,
                              const std::string& json) {
  const oci::Reference by_digest{
      .host = target.repository.host, .repository = target.repository.name, .tag = "", .digest = descriptor.digest};
  return target.session.PutManifest(ctx, by_digest, descriptor.media_type, json).status();
}

Result<PushedBlob> Exporter::PushOne(const Context& ctx, const registry::Session& session,
                                     const registry::Repository& repository, const layer::Key& key,
                                     const ExportOptions& options, content::Lease* lease,
                                     const VertexProgress& progress, const std::function<void()>& made) {
  return PushLayer(ctx, Target{session, repository, options, lease, progress}, key, made);
}

Status Exporter::PushConfigs(const Context& ctx, const Target& target, const Documents& documents) {
  for (const Documents::Platform& platform : documents.platforms) {
    SLIPWAY_RETURN_IF_ERROR(target.session.PushBytes(ctx, target.repository, platform.config_json).status());
  }
  return Status();
}

// The blobs of all layers, by their position, and the configs: these are known, and sent, once all layers are made,
// while the last of them are still being sent.
Result<Exporter::PushedLayers> Exporter::PushLayers(const Context& ctx, const Target& target,
                                                    const std::vector<layer::Key>& layers,
                                                    const std::vector<PlatformImage>& images, PushAhead* ahead) {
  std::atomic<bool> configs = false;
  Guarded<std::map<size_t, PushedBlob>> blobs;
  std::vector<size_t> sent_ahead;
  std::vector<size_t> rest;
  for (size_t i = 0; i < layers.size(); ++i) {
    (ahead != nullptr && ahead->Has(target.repository, layers[i]) ? sent_ahead : rest).push_back(i);
  }
  std::atomic<size_t> unmade = rest.size() + 1;
  std::function<void()> count_made;  // of those that remain to be made, and of all that were sent ahead
  const auto push_configs = [&]() -> Status {
    // Not known where one could not be made ahead.
    const std::optional<Documents> documents = FromKnownBlobs(images, target.options);
    if (!documents) return Status();
    SLIPWAY_RETURN_IF_ERROR(PushConfigs(ctx, target, *documents));
    configs = true;
    return Status();
  };
  const auto push_layer = [&](size_t i, const std::function<void()>& made) -> Status {
    SLIPWAY_ASSIGN_OR_RETURN(PushedBlob pushed, PushLayer(ctx, target, layers[i], made));
    blobs.Lock()->emplace(i, std::move(pushed));
    return Status();
  };
  TaskGroup group(pool_);  // behind all that its tasks use, since it waits for them however we leave
  count_made = [&] {
    if (--unmade == 0) group.Run(push_configs);
  };
  for (const size_t i : rest) {
    group.Run([&, i] { return push_layer(i, count_made); });
  }
  // Waited for here and not in the pool, whose threads are needed for what is waited for.
  if (ahead != nullptr) SLIPWAY_RETURN_IF_ERROR(ahead->WaitMade(ctx));
  count_made();
  for (const size_t i : sent_ahead) {
    auto pushed = ahead->Take(ctx, target.repository, layers[i]);
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    if (pushed.ok()) {
      blobs.Lock()->emplace(i, *std::move(pushed));
    } else {
      spdlog::debug("layer '{}' was not pushed ahead: {}", layers[i], pushed.status().message());
      group.Run([&, i] { return push_layer(i, nullptr); });
    }
  }
  SLIPWAY_RETURN_IF_ERROR(group.Wait());
  return PushedLayers{.blobs = std::move(*blobs.Lock()), .configs = configs};
}

// All but the configs.
Status Exporter::PushDocuments(const Context& ctx, const Target& target, const Documents& documents,
                               const std::vector<std::string>& tags) {
  if (documents.is_index()) {
    for (const Documents::Platform& platform : documents.platforms) {
      SLIPWAY_RETURN_IF_ERROR(PushManifest(ctx, target, platform.descriptor, platform.manifest_json));
      if (platform.attestation) SLIPWAY_RETURN_IF_ERROR(PushAttestation(ctx, target, *platform.attestation));
    }
  }
  return target.session.PutManifests(ctx, target.repository, tags, documents.root.media_type, documents.root_json)
      .status();
}

Result<Pushed> Exporter::Push(const Context& ctx, const registry::Session& session,
                              const std::vector<PlatformImage>& images, const ExportOptions& options,
                              const std::vector<oci::Reference>& names, content::Lease* lease, ProgressSink& sink,
                              PushAhead* ahead) {
  std::map<registry::Repository, std::vector<std::string>> repositories;
  for (const oci::Reference& name : names) repositories[registry::Repository::Of(name)].push_back(name.tag);

  Pushed out;
  const std::vector<layer::Key> layers = AllLayers(images);
  for (auto& [repository, tags] : repositories) {
    const Target target{session, repository, options, lease,
                        VertexProgress(&sink, "push " + repository.ToString(),
                                       fmt::format("pushing {}:{}", repository.ToString(), fmt::join(tags, ",")))};
    target.progress.Started();
    if (ahead != nullptr) ahead->Watch(&sink, target.progress.vertex(), target.progress.name());
    const Cleanup unwatch([ahead] {
      if (ahead != nullptr) ahead->Unwatch();
    });
    const auto push = [&]() -> Status {
      // Tags that stand for this very image already need nothing.
      if (const std::optional<Documents> known = FromKnownBlobs(images, options)) {
        std::erase_if(tags, [&, &repo = repository](const std::string& tag) {
          const auto there =
              session.Resolve(ctx, {.host = repo.host, .repository = repo.name, .tag = tag, .digest = {}});
          return there.ok() && there->descriptor.digest == known->root.digest;
        });
        if (tags.empty()) {
          if (out.layers.empty()) {
            for (const layer::Key& key : layers) {
              out.layers.push_back(
                  {layers_.KnownBlob(key, AssemblyOf(options))->descriptor, registry::BlobOutcome::kExisted});
            }
          }
          out.documents = *known;
          target.progress.Note("the registry has this image already");
          return Status();
        }
      }
      SLIPWAY_ASSIGN_OR_RETURN(PushedLayers pushed, PushLayers(ctx, target, layers, images, ahead));
      if (out.layers.empty()) {
        for (auto& [i, blob] : pushed.blobs) out.layers.push_back(std::move(blob));
      }
      std::optional<Documents> documents = FromKnownBlobs(images, options);
      if (!documents) return Internal("layers that were just pushed are not known");
      out.documents = *std::move(documents);
      if (!pushed.configs) SLIPWAY_RETURN_IF_ERROR(PushConfigs(ctx, target, out.documents));
      return PushDocuments(ctx, target, out.documents, tags);
    };
    Status status = push();
    target.progress.Finished(status);
    SLIPWAY_RETURN_IF_ERROR(std::move(status).With(fmt::format("push '{}'", repository.ToString())));
  }
  return out;
}

}  // namespace slipway::image
