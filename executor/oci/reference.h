// Reference: the name of an image in a registry, "host/repo:tag@digest", as the distribution project's grammar reads it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "executor/base/digest.h"
#include "executor/base/status.h"

namespace slipway::oci {

struct Reference {
  std::string host;        ///< "docker.io", "127.0.0.1:5000", "reg.example.com"
  std::string repository;  ///< "library/alpine"
  std::string tag;         ///< "" if only a digest is given
  Digest digest;           ///< empty if only a tag is given

  /// Reads what a person writes. A first part without '.' or ':' that is not "localhost" is no host: the name then belongs
  /// to `default_host`; on docker.io a single name gets "library/" in front. A missing tag becomes "latest" where no
  /// digest is given. INVALID_ARGUMENT with the offending text.
  static Result<Reference> Parse(std::string_view text, std::string_view default_host = "docker.io");

  /// "host/repo[:tag][@digest]".
  std::string ToString() const;
  /// As people write it: without docker.io/ and library/.
  std::string Familiar() const;
  /// The same without ":latest": what names are compared by where people leave that out.
  std::string Short() const;
  /// What a manifest request names: the digest if there is one, else the tag.
  std::string Selector() const;

  bool operator==(const Reference&) const = default;
};

/// Whether `text` starts with a registry host ("localhost/x", "reg:5000/x", "a.b/x").
bool HasHost(std::string_view text);
/// 127.0.0.0/8, [::1] or localhost, with any port.
bool IsLoopbackHost(std::string_view host);

}  // namespace slipway::oci
