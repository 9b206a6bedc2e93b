// Descriptor, image manifest and image index: OCI image specification 1.1 and Docker's schema 2, which differ by media
// types only. Plain data with JSON in and out; unknown fields are dropped, wrong types are INVALID_ARGUMENT.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "executor/base/digest.h"
#include "executor/base/status.h"
#include "executor/oci/platform.h"

namespace slipway::oci {

namespace media_type {
inline constexpr std::string_view kManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kLayer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view kLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view kLayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr std::string_view kDockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerManifestList = "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kDockerConfig = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view kDockerLayer = "application/vnd.docker.image.rootfs.diff.tar";
inline constexpr std::string_view kDockerLayerGzip = "application/vnd.docker.image.rootfs.diff.tar.gzip";
inline constexpr std::string_view kDockerLayerZstd = "application/vnd.docker.image.rootfs.diff.tar.zstd";
inline constexpr std::string_view kDockerForeignLayer = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
}  // namespace media_type

bool IsManifestType(std::string_view type);
bool IsIndexType(std::string_view type);

enum class Family { kOci, kDocker };

enum class Compression { kNone, kGzip, kZstd };
/// "none", "gzip", "zstd".
std::string_view CompressionName(Compression compression);
/// The compression that a layer's media type tells; INVALID_ARGUMENT for what is no layer we can read.
Result<Compression> LayerCompression(std::string_view type);
std::string_view LayerMediaType(Compression compression, Family family);

struct Descriptor {
  std::string media_type;
  Digest digest;
  int64_t size = 0;
  std::map<std::string, std::string> annotations;
  std::optional<Platform> platform;     ///< in an index
  std::string artifact_type;            ///< in an index
  std::vector<std::string> urls;        ///< foreign layers; never fetched from

  bool operator==(const Descriptor&) const = default;
};

struct Manifest {
  std::string media_type = std::string(media_type::kManifest);
  std::string artifact_type;
  Descriptor config;
  std::vector<Descriptor> layers;
  std::map<std::string, std::string> annotations;

  static Result<Manifest> Parse(std::string_view json);
  /// Compact JSON with keys in the specification's order: equal manifests give equal bytes.
  std::string ToJson() const;
};

struct Index {
  std::string media_type = std::string(media_type::kIndex);
  std::vector<Descriptor> manifests;
  std::map<std::string, std::string> annotations;

  static Result<Index> Parse(std::string_view json);
  std::string ToJson() const;
  /// The first entry for `platform`, an exact variant before a loose one; nullptr if none. Attestations are passed over.
  const Descriptor* Find(const Platform& platform) const;
};

}  // namespace slipway::oci
