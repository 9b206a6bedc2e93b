// Report: what the steps of a run have brought about so far: images, layers, the revision, what it was all built from.
// And its forms in the log. Plain data.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "executor/base/cache_step.h"
#include "executor/base/digest.h"
#include "executor/builder/builder.h"
#include "executor/oci/reference.h"

namespace slipway::action {

struct Report {
  /// What one build step used.
  struct Build {
    std::string step;
    std::string revision;  ///< commit of its context, "" if none
    std::vector<builder::BuiltImage::Base> bases;
  };
  std::vector<Build> builds;  ///< of those that ended well, in that order
  struct Output {
    size_t build = 0;     ///< index into builds
    oci::Reference name;  ///< without a digest
    Digest digest;        ///< of the manifest or index; empty until it is known
    bool pushed = false;
  };
  std::vector<Output> outputs;
  Digest digest;  ///< of the image built last
  int vertices = 0;
  int cached = 0;
  int layers_pushed = 0;
  int layers_mounted = 0;
  int layers_there = 0;
  std::string revision;  ///< of the run's source, or of a build's
  std::vector<CacheStep> cache_steps;  ///< what the cache did for each step of the images, also of one that failed
  /// An image that clients will fetch, and as what. Null if there is none.
  std::shared_ptr<const builder::BuiltImage> kept;
  std::vector<builder::Output> kept_outputs;
};

/// The dependencies as YAML, in ACR's form: one document of several lines, each with its end. Empty if nothing was
/// built.
std::string DependencyText(const Report& report);

/// One line for people: "cached 3 of 5 steps; layers: 1 pushed, 2 mounted, 0 already there; sha256:…".
std::string SummaryText(const Report& report);

}  // namespace slipway::action
