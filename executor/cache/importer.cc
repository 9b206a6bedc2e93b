#include "executor/cache/importer.h"

#include <mutex>
#include <unordered_map>

#include "executor/cache/format.h"
#include "executor/oci/json.h"

namespace slipway::cache {

namespace {

constexpr std::string_view kBuildKitConfig = "application/vnd.buildkit.cacheconfig.v0";
constexpr std::string_view kBuildKitInline = "moby.buildkit.cache.v0";

/// A config and the layers that its manifest has.
struct Document {
  Config config;
  std::vector<oci::Descriptor> blobs;
};

Status OfBuildKit() {
  return Unimplemented(
      "it is a cache that BuildKit wrote; its records are found by digests of BuildKit's own operations, which no "
      "other "
      "builder can compute. Export one with 'slipway build --cache-to type=registry,ref=NAME'");
}

class Imported : public solver::CacheSource {
 public:
  Imported(const oci::Reference& ref, std::vector<Document> documents, layer::Store& layers)
      : ref_(ref), documents_(std::move(documents)), layers_(layers) {
    for (const Document& document : documents_) {
      for (const Record& record : document.config.records) {
        for (const Digest& link : record.links) links_.emplace(link, record.key);
        if (record.has_result) records_.emplace(record.key, Found{&document, &record});
      }
    }
  }

  std::string name() const override { return ref_.ToString(); }

  std::optional<Digest> FindLink(const Digest& link) override {
    const auto it = links_.find(link);
    return it == links_.end() ? std::nullopt : std::optional(it->second);
  }

  std::optional<layer::Chain> Find(const Digest& key) override {
    const auto [begin, end] = records_.equal_range(key);
    for (auto it = begin; it != end; ++it) {
      if (std::optional<layer::Chain> chain = Materialize(it->second)) return chain;
    }
    return std::nullopt;
  }

 private:
  struct Found {
    const Document* document;
    const Record* record;
  };

  // The chain, with the layers that are not known yet made known. None if a base's layer is missing: then the key is
  // not of that base.
  std::optional<layer::Chain> Materialize(const Found& found) {
    const std::lock_guard lock(mutex_);
    layer::Chain chain;
    for (const size_t index : found.record->chain) {
      const Layer& layer = found.document->config.layers[index];
      layer::Key key = layer.diff_id.ToString();
      // A layer that is known keeps the places it has: what a cache says of it is not proven until it is read.
      const oci::Descriptor* blob = layer.blob < 0 ? nullptr : &found.document->blobs[static_cast<size_t>(layer.blob)];
      if (!layers_.Usable({key}) || (blob != nullptr && !IsBlobOf(key, blob->digest))) {
        if (blob == nullptr) return std::nullopt;
        auto added =
            layers_.AddRemote(layer.diff_id, {.descriptor = *blob, .host = ref_.host, .repository = ref_.repository});
        if (!added.ok()) return std::nullopt;
        key = *std::move(added);
      }
      chain.push_back(std::move(key));
    }
    return chain;
  }

  bool IsBlobOf(const layer::Key& key, const Digest& blob) {
    const std::vector<layer::Remote> places = layers_.Remotes(key);
    return std::any_of(places.begin(), places.end(),
                       [&](const layer::Remote& place) { return place.descriptor.digest == blob; });
  }

  const oci::Reference ref_;
  const std::vector<Document> documents_;
  layer::Store& layers_;
  std::unordered_map<Digest, Digest> links_;
  std::unordered_multimap<Digest, Found> records_;
  std::mutex mutex_;
};

Status CheckBlobs(const std::vector<oci::Descriptor>& blobs) {
  if (blobs.size() > kMostLayers) {
    return ResourceExhausted("its manifest has {} layers; the limit is {}", blobs.size(), kMostLayers);
  }
  for (const oci::Descriptor& blob : blobs) {
    SLIPWAY_RETURN_IF_ERROR(oci::LayerCompression(blob.media_type).status());
    if (blob.digest.empty() || blob.size <= 0)
      return InvalidArgument("a layer of its manifest has no digest or no size");
  }
  return Status();
}

class Reader {
 public:
  Reader(const Context& ctx, const registry::Session& session, const oci::Reference& ref,
         const std::vector<oci::Platform>& platforms)
      : ctx_(ctx), session_(session), ref_(ref), platforms_(platforms) {}

  Result<std::vector<Document>> Read() {
    SLIPWAY_ASSIGN_OR_RETURN(const registry::Document root, session_.Resolve(ctx_, ref_, /*with_bytes=*/true));
    if (oci::IsIndexType(root.descriptor.media_type)) return OfIndex(root);
    SLIPWAY_ASSIGN_OR_RETURN(Document one, OfManifest(root.bytes));
    std::vector<Document> out;
    out.push_back(std::move(one));
    return out;
  }

 private:
  // An index of images, each perhaps with an inline cache. BuildKit writes its caches as an index too.
  Result<std::vector<Document>> OfIndex(const registry::Document& root) {
    SLIPWAY_ASSIGN_OR_RETURN(const oci::Index index, oci::Index::Parse(root.bytes));
    for (const oci::Descriptor& entry : index.manifests) {
      if (entry.media_type == kBuildKitConfig) return OfBuildKit();
    }
    std::vector<Document> out;
    Status last = NotFound("the image has none of the platforms that are built");
    for (const oci::Platform& platform : platforms_) {
      const oci::Descriptor* entry = index.Find(platform);
      if (entry == nullptr) continue;
      SLIPWAY_ASSIGN_OR_RETURN(const registry::Document manifest,
                               session_.FetchManifest(ctx_, registry::Repository::Of(ref_), *entry, nullptr, nullptr));
      auto document = OfManifest(manifest.bytes);
      if (document.ok()) {
        out.push_back(*std::move(document));
      } else {
        last = document.status();
      }
    }
    if (out.empty()) return last;
    return out;
  }

  Result<Document> OfManifest(const std::string& json) {
    SLIPWAY_ASSIGN_OR_RETURN(const oci::Manifest manifest, oci::Manifest::Parse(json));
    if (manifest.config.media_type == kBuildKitConfig) return OfBuildKit();
    const bool image = manifest.config.media_type == oci::media_type::kConfig ||
                       manifest.config.media_type == oci::media_type::kDockerConfig;
    if (!image && manifest.config.media_type != kConfigType) {
      return InvalidArgument("its config is of type '{}', which is neither a build cache nor an image",
                             manifest.config.media_type);
    }
    SLIPWAY_RETURN_IF_ERROR(CheckBlobs(manifest.layers));
    SLIPWAY_ASSIGN_OR_RETURN(const std::string config, FetchConfig(manifest.config));
    Document out;
    out.blobs = manifest.layers;
    if (image) {
      SLIPWAY_ASSIGN_OR_RETURN(out.config, Inline(config, out.blobs.size()));
    } else {
      SLIPWAY_ASSIGN_OR_RETURN(out.config, Config::Parse(config, out.blobs.size()));
    }
    return out;
  }

  Result<std::string> FetchConfig(const oci::Descriptor& descriptor) {
    if (descriptor.size < 0 || static_cast<uint64_t>(descriptor.size) > kLargestConfig) {
      return ResourceExhausted("its config has {} bytes; the limit is {}", descriptor.size, kLargestConfig);
    }
    std::string bytes;
    const auto sink = [&bytes](std::string_view more) -> Status {
      bytes.append(more);
      return Status();
    };
    SLIPWAY_RETURN_IF_ERROR(session_.FetchBlob(ctx_, registry::Repository::Of(ref_), descriptor, sink));
    return bytes;
  }

  static Result<Config> Inline(const std::string& image_config, size_t blobs) {
    SLIPWAY_ASSIGN_OR_RETURN(const nlohmann::json json, oci::json::ParseObject(image_config, "the image's config"));
    const auto it = json.find(std::string(kInlineMember));
    if (it != json.end()) return Config::Parse(it->dump(), blobs);
    if (json.contains(std::string(kBuildKitInline))) return OfBuildKit();
    return NotFound("it is an image without an inline cache (--cache-to type=inline makes one)");
  }

  const Context& ctx_;
  const registry::Session& session_;
  const oci::Reference& ref_;
  const std::vector<oci::Platform>& platforms_;
};

}  // namespace

Result<std::shared_ptr<solver::CacheSource>> Import(const Context& ctx, const registry::Session& session,
                                                    const oci::Reference& ref,
                                                    const std::vector<oci::Platform>& platforms, layer::Store& layers) {
  auto documents = Reader(ctx, session, ref, platforms).Read();
  if (!documents.ok()) return std::move(documents).status();
  return std::shared_ptr<solver::CacheSource>(std::make_shared<Imported>(ref, *std::move(documents), layers));
}

}  // namespace slipway::cache
