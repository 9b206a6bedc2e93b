// Statements about an image (in-toto), and the two kinds of predicate that we make: where it comes from and what is in
// it. Plain text in, plain text out.
#pragma once

#include <string>
#include <string_view>

#include "executor/base/digest.h"

namespace slipway::attest {

inline constexpr std::string_view kProvenanceType = "https://slsa.dev/provenance/v1";
inline constexpr std::string_view kSpdxType = "https://spdx.dev/Document";

/// What is said, without of whom: equal for all names of an image.
struct Predicate {
  std::string type;  ///< kProvenanceType or kSpdxType
  std::string json;  ///< an object
};

/// The statement (version 1) that the predicate holds for the image with this manifest. An image is known by its
/// digest; its name in the statement is "_", so that it says the same under each.
std::string MakeStatement(const Predicate& predicate, const Digest& manifest);

}  // namespace slipway::attest
