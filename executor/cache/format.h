// The format of an exported cache: records, and the layers that they stand for. format.md tells it to other programs.
//
// What is read here comes from a registry: everything is bounded and checked, and a document that is malformed is
// refused as a whole. Plain data and free functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/digest.h"
#include "executor/base/status.h"
#include "executor/oci/manifest.h"

namespace slipway::cache {

/// Of the manifest's config; the number is the version of the format.
inline constexpr std::string_view kConfigType = "application/vnd.slipway.buildcache.config.v1+json";
/// The member of an image's config that holds an inline cache.
inline constexpr std::string_view kInlineMember = "slipway.buildcache.v1";

inline constexpr size_t kLargestConfig = 16U << 20;
inline constexpr size_t kMostRecords = 100'000;
inline constexpr size_t kMostLayers = 20'000;
inline constexpr size_t kLongestChain = 1024;
inline constexpr size_t kMostLinks = 64;  // of a record

/// A layer that records stand on. `blob` is among the manifest's layers; without one it belongs to a base image, which
/// whoever finds the record knows.
struct Layer {
  Digest diff_id;
  int64_t blob = -1;  ///< index into the manifest's (or image's) layers; -1: none
};

struct Record {
  Digest key;                 ///< content key
  std::vector<Digest> links;  ///< lead to it
  bool has_result = false;    ///< else only the key is known
  std::vector<size_t> chain;  ///< indexes into `layers`, bottom first
};

struct Config {
  std::vector<Layer> layers;
  std::vector<Record> records;

  /// Equal contents give equal bytes.
  std::string ToJson() const;
  /// `blobs`: how many layers the manifest has. INVALID_ARGUMENT for anything that does not fit together,
  /// RESOURCE_EXHAUSTED past a bound.
  static Result<Config> Parse(std::string_view json, size_t blobs);
};

}  // namespace slipway::cache
