// Lowering: a parsed Dockerfile becomes a graph of vertices for one platform, with the config of the image that its
// target gives.
//
// Stages that the target does not need are neither resolved nor lowered. Bases and images named by --from are resolved
// in parallel. Instructions that only edit the config make no vertex; their history entries say so.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/status.h"
#include "executor/base/thread_pool.h"
#include "executor/dockerfile/checks.h"
#include "executor/dockerfile/parse.h"
#include "executor/graph/vertex.h"
#include "executor/layer/store.h"
#include "executor/oci/config.h"
#include "executor/oci/platform.h"
#include "executor/oci/reference.h"

namespace slipway::dockerfile {

struct ResolvedImage {
  oci::Reference reference;  ///< complete
  Digest digest;             ///< of the manifest or index that the reference names
  oci::ImageConfig config;
  layer::Chain chain;
  /// How many layers of the chain are a registry's; unset: all. Times and digests of the others are not known yet.
  std::optional<size_t> base_layers;
};

/// Looks image names up. Thread-safe.
class ImageResolver {
 public:
  virtual ~ImageResolver() = default;
  /// `name` as written in the Dockerfile, variables expanded.
  virtual Result<ResolvedImage> Resolve(const Context& ctx, const std::string& name, const oci::Platform& platform) = 0;
};

/// What a name given with --build-context stands for: an image, or a file system without a config.
struct NamedContext {
  std::optional<ResolvedImage> image;
  graph::VertexPtr vertex;     ///< where it is no image; null is the empty file system
  bool from_registry = false;  ///< an image that counts among the bases
};

/// The names given with --build-context, as oci::Reference::Short writes them; "NAME::PLATFORM" counts for one platform
/// and before "NAME". Thread-safe.
class NamedContexts {
 public:
  virtual ~NamedContexts() = default;
  virtual bool Has(const std::string& name) const = 0;
  /// For a name that is there. Loaded when it is first asked for.
  virtual Result<NamedContext> Load(const Context& ctx, const std::string& name, const oci::Platform& platform) = 0;
};

struct LowerOptions {
  std::string target;                                           ///< stage name; "" is the last
  std::vector<std::pair<std::string, std::string>> build_args;  ///< in the order given; later ones win
  std::vector<std::string> secret_args;  ///< names of build args whose value is left out of history
  oci::Platform target_platform;
  bool platform_asked = false;  ///< the image is for target_platform whatever its base is for; else it is as its base
  oci::Platform build_platform;
  std::map<std::string, std::string> labels;  ///< --label, applied last
  bool no_cache = false;
  graph::Network network = graph::Network::kDefault;  ///< --network, for RUN without a flag of its own
  std::vector<std::pair<std::string, std::string>> extra_hosts;
  std::vector<std::string> ulimits;
  uint64_t shm_bytes = 0;
  std::string hostname;
  std::string cache_namespace;      ///< parts the names of cache mounts; "": the one that all builds share
  bool allow_host_network = false;  ///< the operator permits it …
  bool allow_insecure = false;
  bool ask_host_network = false;  ///< … and whoever builds has allowed it to the Dockerfile
  bool ask_insecure = false;
  graph::LentPtr lent;          ///< secrets and SSH agents for RUN and for ADD of repositories; may be null
  bool multi_platform = false;  ///< several platforms are built: names say which
  /// The build context; asked for at most once, and only if something is copied or mounted from it.
  std::function<Result<graph::VertexPtr>()> context;
  NamedContexts* named_contexts = nullptr;  ///< null: there are none
  /// What the linter finds goes here; null: it does not look.
  Checks* checks = nullptr;
  std::vector<std::string> ignore_patterns;  ///< of the build context, for the linter
  bool all_stages = false;                   ///< lower stages that the target does not need too, for the linter
  /// Warnings of the frontend: text, and position or rule.
  std::function<void(std::string_view text, std::string_view detail)> warn;
};

struct BaseImage {
  oci::Reference reference;
  Digest digest;
  bool runtime = false;  ///< the target stands on it; others are of build stages or --from
  oci::Platform platform;
};

struct Lowered {
  graph::VertexPtr result;
  /// Complete but for `created` and `diff_ids`. Layers of history (not empty_layer) are those of `result`'s chain, in
  /// order.
  oci::ImageConfig config;
  std::vector<BaseImage> bases;
  int base_layers = 0;  ///< how many of the chain's layers are the base's
};

/// The empty file system.
graph::VertexPtr ScratchVertex();
/// The file system of an image.
graph::VertexPtr ImageVertex(const ResolvedImage& image);

/// INVALID_ARGUMENT with file, line and text for what the Dockerfile has wrong; the resolver's codes for images.
Result<Lowered> Lower(const Context& ctx, const Dockerfile& dockerfile, const LowerOptions& options,
                      ImageResolver& resolver, ThreadPool& pool);

}  // namespace slipway::dockerfile
