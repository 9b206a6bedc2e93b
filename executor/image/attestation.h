// What is attested of an image, as BuildKit lays it into an index: beside each image's manifest stands one with the
// platform unknown/unknown that refers to it by annotations, and whose layers are in-toto statements.
#pragma once

#include <string>
#include <vector>

#include "executor/attest/statement.h"
#include "executor/oci/manifest.h"

namespace slipway::image {

inline constexpr std::string_view kInTotoType = "application/vnd.in-toto+json";
inline constexpr std::string_view kPredicateTypeKey = "in-toto.io/predicate-type";
inline constexpr std::string_view kReferenceTypeKey = "vnd.docker.reference.type";
inline constexpr std::string_view kReferenceDigestKey = "vnd.docker.reference.digest";
inline constexpr std::string_view kAttestationManifest = "attestation-manifest";

/// The documents of one attestation manifest; all of them have to be pushed before the index.
struct Attestation {
  oci::Descriptor descriptor;  ///< as it stands in the index
  oci::Manifest manifest;
  std::string manifest_json;
  std::string config_json;
  std::vector<std::string> statements;  ///< the manifest's layers, in order
};

/// `predicates` are of the image with this manifest. At least one.
Attestation MakeAttestation(const std::vector<attest::Predicate>& predicates, const oci::Descriptor& image);

}  // namespace slipway::image
