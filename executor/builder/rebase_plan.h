// RebasePlan: what is kept of a build so that its image can be put on a newer base without building: the Dockerfile,
// the layers that do not depend on the base, and the images that were only copied from. Plain data, with JSON in and
// out; and which layers of a graph are independent of its base.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/clock.h"
#include "executor/base/digest.h"
#include "executor/base/status.h"
#include "executor/builder/builder.h"
#include "executor/graph/vertex.h"
#include "executor/layer/store.h"
#include "executor/oci/manifest.h"
#include "executor/oci/platform.h"

namespace slipway::builder {

struct RebasePlan {
  /// Why the image cannot be rebased; nothing else counts then.
  std::string refusal;

  std::string dockerfile_name;
  std::string dockerfile_text;
  Digest context;  ///< what COPY saw
  std::string revision;
  std::optional<SystemTime> commit_time;
  std::string settings;  ///< of the layers, see LayerSettings

  std::string base;  ///< complete reference of the image that the target stands on
  Digest base_digest;

  /// An image that is copied from, or that another stage stands on.
  struct Source {
    std::string reference;
    std::string platform;
    Digest digest;
    std::string config;  ///< JSON
    layer::Chain chain;
  };
  std::vector<Source> sources;

  /// A layer that was made without looking at the base.
  struct Layer {
    Digest definition;    ///< see OwnDefinition
    size_t position = 0;  ///< in the image, counted from the first layer over the base
    layer::Key key;
    Digest diff_id;
    oci::Descriptor blob;
    SystemTime created;
    std::string host;  ///< where it was pushed to
    std::string repository;
  };
  struct Image {
    oci::Platform platform;
    size_t over_base = 0;  ///< layers over the base, with those that are no Layer
    std::vector<Layer> layers;
  };
  std::vector<Image> images;  ///< one a platform

  std::string ToJson() const;
  /// DATA_LOSS for what ToJson did not write.
  static Result<RebasePlan> Parse(std::string_view json);
};

/// The vertices over the base, the lowest first: copies that are linked and folders (WORKDIR). FAILED_PRECONDITION,
/// with the instruction, if there is another between: its result depends on what is in the base.
Result<std::vector<graph::VertexPtr>> OverBase(const graph::VertexPtr& result);
/// Whether a vertex of OverBase is a linked copy, whose layer is the same on any base.
bool IsLinked(const graph::Vertex& vertex);
/// What a linked copy is, whatever it is put on.
Digest OwnDefinition(const graph::Vertex& vertex);

/// How the bytes of layers are made: the same text, the same bytes.
std::string LayerSettings(const BuildRequest& request, const std::optional<SystemTime>& epoch);
/// Why what is asked for needs a build; "" if it does not.
std::string WhyBuild(const BuildRequest& request);

}  // namespace slipway::builder
