#include "executor/builder/layout_image.h"

#include <nlohmann/json.hpp>

#include "executor/oci/manifest.h"

namespace slipway::builder {

namespace {

constexpr uint64_t kLargestLayoutDocument = 8U << 20;

class LayoutReader {
 public:
  LayoutReader(const tree::Tree& layout, layer::Store& layers, content::Lease& lease)
      : layout_(layout), layers_(layers), lease_(lease) {}

  // Makes sure that the layout has the blob, and that its file holds what its name says.
  Status Require(const Digest& digest) {
    const std::string path = fmt::format("blobs/sha256/{}", digest.hex());
    const tree::Entry* entry = layout_.Find(path);
    if (entry == nullptr || !entry->is_file()) return NotFound("the OCI layout has no '{}'", path);
    if (entry->digest != digest) return DataLoss("the OCI layout's '{}' holds something else than its name says", path);
    return lease_.Add(digest);
  }

  Result<std::string> Read(const Digest& digest) {
    SLIPWAY_RETURN_IF_ERROR(Require(digest));
    SLIPWAY_ASSIGN_OR_RETURN(const content::Blob blob, layers_.content().Open(digest));
    return blob.ReadAll(kLargestLayoutDocument);
  }

 private:
  const tree::Tree& layout_;
  layer::Store& layers_;
  content::Lease& lease_;
};

// A document's own media type may be missing; what it holds tells then.
bool IsIndex(std::string_view json) {
  const nlohmann::json document = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) return false;
  const auto type = document.find("mediaType");
  if (type != document.end() && type->is_string()) return oci::IsIndexType(type->get<std::string>());
  return document.contains("manifests");
}

Result<oci::Manifest> ManifestFor(LayoutReader& reader, const Digest& digest, const oci::Platform& platform) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string json, reader.Read(digest));
  if (!IsIndex(json)) return oci::Manifest::Parse(json);
  SLIPWAY_ASSIGN_OR_RETURN(const oci::Index index, oci::Index::Parse(json));
  const oci::Descriptor* found = index.Find(platform);
  if (found == nullptr) return NotFound("the OCI layout's index {} has no {}", digest.Short(), platform.ToString());
  SLIPWAY_ASSIGN_OR_RETURN(const std::string inner, reader.Read(found->digest));
  return oci::Manifest::Parse(inner);
}

}  // namespace

Result<dockerfile::ResolvedImage> ResolveLayout(const tree::Tree& layout, const Digest& manifest,
                                                const std::string& name, const oci::Platform& platform,
                                                layer::Store& layers, content::Lease& lease) {
  LayoutReader reader(layout, layers, lease);
  SLIPWAY_ASSIGN_OR_RETURN(const oci::Manifest parsed, ManifestFor(reader, manifest, platform));
  SLIPWAY_ASSIGN_OR_RETURN(const std::string config, reader.Read(parsed.config.digest));
  dockerfile::ResolvedImage out;
  SLIPWAY_ASSIGN_OR_RETURN(out.config, oci::ImageConfig::Parse(config));
  SLIPWAY_ASSIGN_OR_RETURN(out.reference, oci::Reference::Parse(name));
  out.digest = manifest;
  if (out.config.diff_ids.size() != parsed.layers.size()) {
    return DataLoss("the OCI layout's image has {} layers but its config names {}", parsed.layers.size(),
                    out.config.diff_ids.size());
  }
  for (size_t i = 0; i < parsed.layers.size(); ++i) {
    SLIPWAY_RETURN_IF_ERROR(reader.Require(parsed.layers[i].digest));
    SLIPWAY_RETURN_IF_ERROR(oci::LayerCompression(parsed.layers[i].media_type).status());
    // No registry has it; its bytes are in the content store.
    SLIPWAY_ASSIGN_OR_RETURN(
        layer::Key key,
        layers.AddRemote(out.config.diff_ids[i], {.descriptor = parsed.layers[i], .host = "", .repository = ""}));
    out.chain.push_back(std::move(key));
  }
  return out;
}

}  // namespace slipway::builder
