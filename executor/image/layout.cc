#include "executor/image/layout.h"

#include <array>
#include <map>

#include <nlohmann/json.hpp>

namespace slipway::image {

namespace {

constexpr std::string_view kLayoutVersion = R"({"imageLayoutVersion":"1.0.0"})";
constexpr std::string_view kRefName = "org.opencontainers.image.ref.name";
constexpr std::string_view kImageName = "io.containerd.image.name";
constexpr size_t kLayoutPiece = 256U << 10;

std::string BlobPath(const Digest& digest) { return "blobs/sha256/" + digest.hex(); }

// Documents by digest; nullptr for blobs of the content store.
using Blobs = std::map<Digest, const std::string*>;

Blobs BlobsOf(const Documents& documents) {
  Blobs blobs;
  blobs[documents.root.digest] = &documents.root_json;
  for (const Documents::Platform& platform : documents.platforms) {
    blobs[platform.descriptor.digest] = &platform.manifest_json;
    blobs[platform.manifest.config.digest] = &platform.config_json;
    for (const oci::Descriptor& layer : platform.manifest.layers) blobs.try_emplace(layer.digest, nullptr);
    if (!platform.attestation) continue;
    const Attestation& attested = *platform.attestation;
    blobs[attested.descriptor.digest] = &attested.manifest_json;
    blobs[attested.manifest.config.digest] = &attested.config_json;
    for (size_t i = 0; i < attested.statements.size(); ++i) {
      blobs[attested.manifest.layers[i].digest] = &attested.statements[i];
    }
  }
  return blobs;
}

std::string IndexJson(const Documents& documents, const LayoutOptions& options) {
  oci::Index index;
  index.media_type = oci::media_type::kIndex;
  const auto add = [&](std::map<std::string, std::string> annotations) {
    oci::Descriptor entry = documents.root;
    entry.annotations = std::move(annotations);
    index.manifests.push_back(std::move(entry));
  };
  for (const oci::Reference& name : options.names) {
    add({{std::string(kImageName), name.ToString()}, {std::string(kRefName), name.tag}});
  }
  if (options.names.empty()) add({{std::string(kRefName), "latest"}});
  return index.ToJson();
}

// Docker image specification 1.2, "manifest.json".
std::string DockerManifestJson(const Documents& documents, const LayoutOptions& options) {
  const oci::Manifest& manifest = documents.platforms.front().manifest;
  nlohmann::ordered_json image;
  image["Config"] = BlobPath(manifest.config.digest);
  image["RepoTags"] = nlohmann::ordered_json::array();
  for (const oci::Reference& name : options.names) image["RepoTags"].push_back(name.Familiar());
  image["Layers"] = nlohmann::ordered_json::array();
  for (const oci::Descriptor& layer : manifest.layers) image["Layers"].push_back(BlobPath(layer.digest));
  return nlohmann::ordered_json::array({std::move(image)}).dump();
}

class Writer {
 public:
  Writer(const Context& ctx, OutputSink& sink) : ctx_(ctx), sink_(sink) {}

  Status Folder(std::string path) {
    tree::Entry entry;
    entry.path = std::move(path);
    entry.type = tree::Type::kDirectory;
    entry.mode = 0755;
    return sink_.Entry(entry);
  }

  Status File(std::string path, std::string_view bytes) {
    SLIPWAY_RETURN_IF_ERROR(Begin(std::move(path), bytes.size()));
    return bytes.empty() ? Status() : sink_.Data(bytes);
  }

  Status File(std::string path, const content::Blob& blob) {
    SLIPWAY_RETURN_IF_ERROR(Begin(std::move(path), blob.size()));
    for (uint64_t done = 0; done < blob.size();) {
      SLIPWAY_RETURN_IF_ERROR(ctx_.Err());
      SLIPWAY_ASSIGN_OR_RETURN(const size_t got, blob.ReadAt(buffer_, done));
      SLIPWAY_RETURN_IF_ERROR(sink_.Data({buffer_.data(), got}));
      done += got;
    }
    return Status();
  }

 private:
  Status Begin(std::string path, uint64_t size) {
    tree::Entry entry;
    entry.path = std::move(path);
    entry.mode = 0644;
    entry.size = size;
    return sink_.Entry(entry);
  }

  const Context& ctx_;
  OutputSink& sink_;
  std::vector<char> buffer_ = std::vector<char>(kLayoutPiece);
};

}  // namespace

Status WriteLayout(const Context& ctx, const Documents& documents, const LayoutOptions& options,
                   content::Store& content, OutputSink& sink) {
  if (options.docker && documents.platforms.size() != 1) {
    return InvalidArgument("a docker archive holds one platform, not {}", documents.platforms.size());
  }
  Writer writer(ctx, sink);
  SLIPWAY_RETURN_IF_ERROR(writer.Folder("blobs"));
  SLIPWAY_RETURN_IF_ERROR(writer.Folder("blobs/sha256"));
  for (const auto& [digest, document] : BlobsOf(documents)) {
    if (document != nullptr) {
      SLIPWAY_RETURN_IF_ERROR(writer.File(BlobPath(digest), *document));
      continue;
    }
    SLIPWAY_ASSIGN_OR_RETURN(const content::Blob blob, content.Open(digest));
    SLIPWAY_RETURN_IF_ERROR(writer.File(BlobPath(digest), blob));
  }
  SLIPWAY_RETURN_IF_ERROR(writer.File("index.json", IndexJson(documents, options)));
  if (options.docker) SLIPWAY_RETURN_IF_ERROR(writer.File("manifest.json", DockerManifestJson(documents, options)));
  SLIPWAY_RETURN_IF_ERROR(writer.File("oci-layout", kLayoutVersion));
  return sink.Finish();
}

}  // namespace slipway::image
