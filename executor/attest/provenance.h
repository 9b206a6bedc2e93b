// Provenance: where an image comes from, as SLSA's provenance version 1 says it. Nothing in it is of the time or the
// place of the build, so equal inputs give equal bytes. README.md documents the build type.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "executor/attest/options.h"
#include "executor/base/digest.h"
#include "executor/oci/platform.h"
#include "executor/oci/reference.h"

namespace slipway::attest {

inline constexpr std::string_view kBuildType = "urn:slipway:build:dockerfile:v1";
inline constexpr std::string_view kBuilderId = "urn:slipway:builder:v1";

/// What one platform's image was built from. Plain data.
struct BuildFacts {
  std::string source;    ///< URL of the context; "" if it was uploaded or there was none
  std::string revision;  ///< commit of a git context; "" otherwise
  Digest context;        ///< over the files that the build could see (paths, modes, owners, contents)
  std::string dockerfile;
  Digest dockerfile_digest;
  std::string target;
  oci::Platform platform;
  oci::Platform build_platform;
  std::vector<std::pair<std::string, std::string>> args;  ///< values only where they are no secrets
  std::vector<std::string> secret_args;                   ///< names
  std::map<std::string, std::string> labels;
  struct Image {
    oci::Reference reference;
    Digest digest;
    oci::Platform platform;
  };
  std::vector<Image> images;  ///< bases, and images of --from
  struct Download {
    std::string url;
    Digest checksum;  ///< empty where the Dockerfile gives none
    bool git = false;
    std::string commit;
  };
  std::vector<Download> downloads;  ///< by ADD
};

/// The predicate. Passwords and tokens in URLs are left out, and so is the query of what is no git repository.
std::string ProvenancePredicate(const BuildFacts& facts, ProvenanceMode mode);

/// "pkg:docker/library/alpine@3.19?platform=linux%2Famd64".
std::string ImagePurl(const oci::Reference& reference, const oci::Platform& platform);

}  // namespace slipway::attest
