#include "executor/image/attestation.h"

#include <nlohmann/json.hpp>

namespace slipway::image {

namespace {

oci::Descriptor Describe(std::string_view media_type, std::string_view bytes) {
  oci::Descriptor out;
  out.media_type = media_type;
  out.digest = Digest::Of(bytes);
  out.size = static_cast<int64_t>(bytes.size());
  return out;
}

// The config of no image: unknown in all, its "layers" being the statements.
std::string ConfigOf(const std::vector<oci::Descriptor>& statements) {
  nlohmann::ordered_json ids = nlohmann::ordered_json::array();
  for (const oci::Descriptor& statement : statements) ids.push_back(statement.digest.ToString());
  const nlohmann::ordered_json config = {{"architecture", "unknown"},
                                         {"os", "unknown"},
                                         {"config", nlohmann::ordered_json::object()},
                                         {"rootfs", {{"type", "layers"}, {"diff_ids", std::move(ids)}}}};
  return config.dump();
}

}  // namespace

Attestation MakeAttestation(const std::vector<attest::Predicate>& predicates, const oci::Descriptor& image) {
  Attestation out;
  for (const attest::Predicate& predicate : predicates) {
    std::string statement = attest::MakeStatement(predicate, image.digest);
    oci::Descriptor layer = Describe(kInTotoType, statement);
    layer.annotations.emplace(kPredicateTypeKey, predicate.type);
    out.manifest.layers.push_back(std::move(layer));
    out.statements.push_back(std::move(statement));
  }
  out.config_json = ConfigOf(out.manifest.layers);
  out.manifest.config = Describe(oci::media_type::kConfig, out.config_json);
  out.manifest_json = out.manifest.ToJson();
  out.descriptor = Describe(out.manifest.media_type, out.manifest_json);
  out.descriptor.annotations.emplace(kReferenceDigestKey, image.digest.ToString());
  out.descriptor.annotations.emplace(kReferenceTypeKey, kAttestationManifest);
  out.descriptor.platform = {.os = "unknown", .architecture = "unknown", .variant = "", .os_version = ""};
  return out;
}

}  // namespace slipway::image
