// What a build is asked to attest about its result. Plain data.
#pragma once

namespace slipway::attest {

enum class ProvenanceMode {
  kNone,
  kMin,  ///< what the image was built from; no argument, no path of the context
  kMax,  ///< also build arguments, target, labels and the Dockerfile's digest
};

struct Options {
  ProvenanceMode provenance = ProvenanceMode::kNone;
  bool sbom = false;  ///< an SPDX document of the packages in the result

  bool any() const { return provenance != ProvenanceMode::kNone || sbom; }
};

}  // namespace slipway::attest
