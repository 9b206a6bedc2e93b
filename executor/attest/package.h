// Package: something installed in an image, as a package database or a lock file tells it. Plain data.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway::attest {

/// What a database may make us hold. What goes beyond is left out, and the finding says so.
inline constexpr size_t kMostPackages = 100'000;
inline constexpr size_t kLongestField = 1024;

struct Package {
  std::string type;   ///< purl's: "deb", "apk", "rpm", "npm", "pypi", "golang", "gem", "cargo", "composer", "maven"
  std::string space;  ///< purl's namespace: distribution, npm scope, vendor, group; "" if there is none
  std::string name;
  std::string version;
  std::string architecture;  ///< "" if it has none
  std::string epoch;         ///< rpm's; "" if none
  std::string source;        ///< the source package, where it has another name
  std::string license;       ///< in the database's own words
  std::string found_in;      ///< path in the image

  bool operator==(const Package&) const = default;
};

/// The distribution that etc/os-release names; "" for what it does not say.
struct Distribution {
  std::string id;       ///< "debian"
  std::string version;  ///< "12"
};
Distribution ParseOsRelease(std::string_view text);

/// "pkg:deb/debian/bash@5.2.15-2%2Bb2?arch=amd64&distro=debian-12" (package URL).
std::string Purl(const Package& package, const Distribution& distribution);

/// Percent-encodes all but letters, digits and "-._~" and what `keep` names.
std::string PercentEncode(std::string_view text, std::string_view keep = "");

/// A field as it may be kept: valid UTF-8, no control characters, at most kLongestField bytes.
std::string CleanField(std::string_view text);

}  // namespace slipway::attest
