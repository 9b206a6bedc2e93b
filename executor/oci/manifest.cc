#include "executor/oci/manifest.h"

#include <nlohmann/json.hpp>

#include "executor/oci/json.h"

namespace slipway::oci {

namespace {
using OrderedJson = nlohmann::ordered_json;

constexpr size_t kMostManifests = 10'000;
constexpr size_t kMostLayers = 10'000;

std::string Dump(const OrderedJson& json) { return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace); }

Result<Platform> ParsePlatform(const nlohmann::json& json) {
  if (!json.is_object()) return InvalidArgument("field 'platform' is not an object");
  Platform out;
  SLIPWAY_RETURN_IF_ERROR(json::Read(json, "os", out.os));
  SLIPWAY_RETURN_IF_ERROR(json::Read(json, "architecture", out.architecture));
  SLIPWAY_RETURN_IF_ERROR(json::Read(json, "variant", out.variant));
  SLIPWAY_RETURN_IF_ERROR(json::Read(json, "os.version", out.os_version));
  return out;
}

Result<Descriptor> ParseDescriptor(const nlohmann::json& json) {
  if (!json.is_object()) return InvalidArgument("a descriptor is not an object");
  Descriptor out;
  std::string digest;
  out.size = -1;
  SLIPWAY_RETURN_IF_ERROR(json::Read(json, "mediaType", out.media_type));
  SLIPWAY_RETURN_IF_ERROR(json::Read(json, "digest", digest));
  SLIPWAY_RETURN_IF_ERROR(json::Read(json, "size", out.size));
  SLIPWAY_RETURN_IF_ERROR(json::Read(json, "annotations", out.annotations));
  SLIPWAY_RETURN_IF_ERROR(json::Read(json, "artifactType", out.artifact_type));
  SLIPWAY_RETURN_IF_ERROR(json::Read(json, "urls", out.urls));
  SLIPWAY_ASSIGN_OR_RETURN(out.digest, Digest::Parse(digest));
  if (out.size < 0) return InvalidArgument("descriptor {} has no size", digest);
  if (const auto it = json.find("platform"); it != json.end() && !it->is_null()) {
    SLIPWAY_ASSIGN_OR_RETURN(out.platform, ParsePlatform(*it));
  }
  return out;
}

Result<std::vector<Descriptor>> ParseDescriptors(const nlohmann::json& object, const char* key, size_t most) {
  std::vector<Descriptor> out;
  const auto it = object.find(key);
  if (it == object.end() || it->is_null()) return out;
  if (!it->is_array()) return InvalidArgument("field '{}' is not a list", key);
  if (it->size() > most) return InvalidArgument("field '{}' has more than {} entries", key, most);
  for (const nlohmann::json& item : *it) {
    SLIPWAY_ASSIGN_OR_RETURN(Descriptor descriptor, ParseDescriptor(item));
    out.push_back(std::move(descriptor));
  }
  return out;
}

OrderedJson ToJsonValue(const Platform& platform) {
  OrderedJson out = {{"architecture", platform.architecture}, {"os", platform.os}};
  if (!platform.os_version.empty()) out["os.version"] = platform.os_version;
  if (!platform.variant.empty()) out["variant"] = platform.variant;
  return out;
}

OrderedJson ToJsonValue(const Descriptor& descriptor) {
  OrderedJson out = {
      {"mediaType", descriptor.media_type}, {"digest", descriptor.digest.ToString()}, {"size", descriptor.size}};
  if (!descriptor.urls.empty()) out["urls"] = descriptor.urls;
  if (!descriptor.annotations.empty()) out["annotations"] = descriptor.annotations;
  if (descriptor.platform) out["platform"] = ToJsonValue(*descriptor.platform);
  if (!descriptor.artifact_type.empty()) out["artifactType"] = descriptor.artifact_type;
  return out;
}

OrderedJson ToJsonValue(const std::vector<Descriptor>& descriptors) {
  OrderedJson out = OrderedJson::array();
  for (const Descriptor& descriptor : descriptors) out.push_back(ToJsonValue(descriptor));
  return out;
}
// What can stand in for a platform, itself first, then the nearest: older variants, and the 32 bits of the same
// processors (containerd's order). All normalized.
std::vector<Platform> Acceptable(const Platform& platform) {
  const Platform want = platform.Normalized();
  std::vector<Platform> out = {want};
  const auto add = [&](std::string_view arch, std::string_view of_variant) {
    Platform other = want;
    other.architecture = arch;
    other.variant = of_variant;
    if (other != want) out.push_back(std::move(other));
  };
  // "v7" is followed by "v6" and "v5".
  const auto add_older = [&](std::string_view arch, std::string_view newest, char oldest) {
    if (newest.size() != 2 || newest[0] != 'v') return;
    for (char v = newest[1]; v >= oldest; --v) add(arch, std::string{'v', v});
  };
  if (want.architecture == "amd64") {
    add_older("amd64", want.variant, '2');
    add("amd64", "");
    add("386", "");
  } else if (want.architecture == "arm64") {
    add("arm64", "");
    add_older("arm", "v8", '5');
  } else if (want.architecture == "arm") {
    add_older("arm", want.variant, '5');
  }
  for (Platform& one : out) one.os_version.clear();
  return out;
}
}  // namespace

bool IsManifestType(std::string_view type) { return type == media_type::kManifest || type == media_type::kDockerManifest; }

bool IsIndexType(std::string_view type) { return type == media_type::kIndex || type == media_type::kDockerManifestList; }

std::string_view CompressionName(Compression compression) {
  switch (compression) {
    case Compression::kNone: return "none";
    case Compression::kGzip: return "gzip";
    case Compression::kZstd: return "zstd";
  }
  return "none";
}

Result<Compression> LayerCompression(std::string_view type) {
  if (type == media_type::kLayer || type == media_type::kDockerLayer) return Compression::kNone;
  if (type == media_type::kLayerGzip || type == media_type::kDockerLayerGzip || type == media_type::kDockerForeignLayer ||
      type == "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip") {
    return Compression::kGzip;
  }
  if (type == media_type::kLayerZstd || type == media_type::kDockerLayerZstd ||
      type == "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd") {
    return Compression::kZstd;
  }
  return InvalidArgument("media type '{}' is not that of an image layer", type);
}

std::string_view LayerMediaType(Compression compression, Family family) {
  const bool oci = family == Family::kOci;
  switch (compression) {
    case Compression::kNone: return oci ? media_type::kLayer : media_type::kDockerLayer;
    case Compression::kGzip: return oci ? media_type::kLayerGzip : media_type::kDockerLayerGzip;
    case Compression::kZstd: return oci ? media_type::kLayerZstd : media_type::kDockerLayerZstd;
  }
  return media_type::kLayer;
}

Result<Manifest> Manifest::Parse(std::string_view text) {
  SLIPWAY_ASSIGN_OR_RETURN(const nlohmann::json json, json::ParseObject(text, "the image manifest"));
  Manifest out;
  SLIPWAY_RETURN_IF_ERROR(json::Read(json, "mediaType", out.media_type));
  SLIPWAY_RETURN_IF_ERROR(json::Read(json, "artifactType", out.artifact_type));
  SLIPWAY_RETURN_IF_ERROR(json::Read(json, "annotations", out.annotations));
  const auto config = json.find("config");
  if (config == json.end()) return InvalidArgument("the image manifest has no 'config' (schema 1 images are not supported)");
  SLIPWAY_ASSIGN_OR_RETURN(out.config, ParseDescriptor(*config));
  SLIPWAY_ASSIGN_OR_RETURN(out.layers, ParseDescriptors(json, "layers", kMostLayers));
  return out;
}

std::string Manifest::ToJson() const {
  OrderedJson out = {{"schemaVersion", 2}, {"mediaType", media_type}};
  if (!artifact_type.empty()) out["artifactType"] = artifact_type;
  out["config"] = ToJsonValue(config);
  out["layers"] = ToJsonValue(layers);
  if (!annotations.empty()) out["annotations"] = annotations;
  return Dump(out);
}

Result<Index> Index::Parse(std::string_view text) {
  SLIPWAY_ASSIGN_OR_RETURN(const nlohmann::json json, json::ParseObject(text, "the image index"));
  Index out;
  SLIPWAY_RETURN_IF_ERROR(json::Read(json, "mediaType", out.media_type));
  SLIPWAY_RETURN_IF_ERROR(json::Read(json, "annotations", out.annotations));
  SLIPWAY_ASSIGN_OR_RETURN(out.manifests, ParseDescriptors(json, "manifests", kMostManifests));
  return out;
}

std::string Index::ToJson() const {
  OrderedJson out = {{"schemaVersion", 2}, {"mediaType", media_type}, {"manifests", ToJsonValue(manifests)}};
  if (!annotations.empty()) out["annotations"] = annotations;
  return Dump(out);
}

const Descriptor* Index::Find(const Platform& platform) const {
  for (const Platform& wanted : Acceptable(platform)) {
    for (const Descriptor& entry : manifests) {
      if (!entry.platform || entry.annotations.contains("vnd.docker.reference.type")) continue;
      Platform has = entry.platform->Normalized();
      has.os_version.clear();
      if (has == wanted) return &entry;
    }
  }
  return nullptr;
}

}  // namespace slipway::oci
