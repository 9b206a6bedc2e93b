// Exporter: what becomes of a built file system: config and manifest documents, and blobs in registries.
//
// Everything here is lazy. A layer whose blob is known is not made again; a layer that the target repository has is not
// sent; a layer that another repository of the same host has is mounted; and where the tag stands for the very manifest
// already, one request tells so and nothing else is done. What must be made is sent while it is made. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "executor/attest/statement.h"
#include "executor/base/context.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/base/thread_pool.h"
#include "executor/content/store.h"
#include "executor/image/attestation.h"
#include "executor/layer/store.h"
#include "executor/oci/config.h"
#include "executor/oci/manifest.h"
#include "executor/oci/reference.h"
#include "executor/registry/registry.h"

namespace slipway::image {

/// One platform's image: a file system and its config. The config's history has one entry without `empty_layer` for
/// each layer of the chain; `diff_ids` and times of what was made here are filled in.
struct PlatformImage {
  layer::Chain chain;
  oci::ImageConfig config;
  size_t base_layers = 0;  ///< layers of the chain (and of history) that came with the base
  oci::Platform platform;  ///< what was asked for: its entry in an index. The config may tell another (its base's)
  std::vector<attest::Predicate> attestations;  ///< with any of them the result is an index (OCI media types only)
  /// When the layers over the base were made, in order; nothing, or an empty list: as the layer store says.
  std::vector<std::optional<SystemTime>> made;
  /// A further member of the config document: its name, and its JSON from the diff ids of the layers. May be unset.
  std::string extra_member;
  std::function<std::string(const std::vector<Digest>& diff_ids)> extra_json;
};

struct ExportOptions {
  oci::Family family = oci::Family::kOci;
  oci::Compression compression = oci::Compression::kGzip;
  int level = -1;                  ///< of layers made here; -1: the codec's default
  bool rewrite_timestamp = false;  ///< times in layers made here that are later than `epoch` become it
  std::map<std::string, std::string> annotations;
  bool always_index = false;        ///< an index also for one platform
  std::optional<SystemTime> epoch;  ///< SOURCE_DATE_EPOCH: all times of what was made here
};

/// The documents of an image whose layers' blobs are known.
struct Documents {
  oci::Descriptor root;  ///< manifest, or index of several
  std::string root_json;
  struct Platform {
    oci::Manifest manifest;
    oci::Descriptor descriptor;
    std::string manifest_json;
    std::string config_json;
    std::optional<Attestation> attestation;  ///< in the index, after all images
  };
  std::vector<Platform> platforms;
  /// The root is an index: what it refers to has to be pushed by digest.
  bool is_index() const { return oci::IsIndexType(root.media_type); }
};

struct PushedBlob {
  oci::Descriptor descriptor;
  registry::BlobOutcome outcome = registry::BlobOutcome::kExisted;
};

struct Pushed {
  Documents documents;
  std::vector<PushedBlob> layers;  ///< of all platforms, each once, for the first name
};

class PushAhead;

class Exporter {
 public:
  /// All must outlive the exporter.
  Exporter(layer::Store& layers, ThreadPool& pool) : layers_(layers), pool_(pool) {}

  /// Assembles every layer into the content store.
  Result<Documents> Assemble(const Context& ctx, const std::vector<PlatformImage>& images, const ExportOptions& options,
                             content::Lease* lease, ProgressSink& progress);

  /// Brings every layer's blob into the content store (leased), those of the base too, for who writes them elsewhere.
  Result<Documents> Collect(const Context& ctx, const std::vector<PlatformImage>& images, const ExportOptions& options,
                            content::Lease* lease, ProgressSink& progress);

  /// Pushes under all `names`, which may be of several repositories and registries. `ahead` has sent layers already, or
  /// is null.
  Result<Pushed> Push(const Context& ctx, const registry::Session& session, const std::vector<PlatformImage>& images,
                      const ExportOptions& options, const std::vector<oci::Reference>& names, content::Lease* lease,
                      ProgressSink& progress, PushAhead* ahead = nullptr);

  /// Brings one layer into a repository unless it is there: mounted, sent, or made and sent at once. `made` is called
  /// when its blob is known, which may be before it is sent; may be empty.
  Result<PushedBlob> PushOne(const Context& ctx, const registry::Session& session,
                             const registry::Repository& repository, const layer::Key& key,
                             const ExportOptions& options, content::Lease* lease, const VertexProgress& progress,
                             const std::function<void()>& made = nullptr);

 private:
  struct Target;
  /// The documents, if no blob has to be made or fetched for them.
  std::optional<Documents> FromKnownBlobs(const std::vector<PlatformImage>& images, const ExportOptions& options);
  Result<PushedBlob> PushLayer(const Context& ctx, const Target& target, const layer::Key& key,
                               const std::function<void()>& made = nullptr);
  struct PushedLayers {
    std::map<size_t, PushedBlob> blobs;  ///< by the layers' position
    bool configs = false;                ///< the configs are there, too
  };
  Result<PushedLayers> PushLayers(const Context& ctx, const Target& target, const std::vector<layer::Key>& layers,
                                  const std::vector<PlatformImage>& images, PushAhead* ahead);
  Status PushConfigs(const Context& ctx, const Target& target, const Documents& documents);
  Result<PushedBlob> SendKnown(const Context& ctx, const Target& target, const layer::Key& key,
                               const layer::AssembledLayer& known);
  Result<PushedBlob> SendWhileMade(const Context& ctx, const Target& target, const layer::Key& key,
                                   const std::function<void()>& made);
  Status PushManifest(const Context& ctx, const Target& target, const oci::Descriptor& descriptor,
                      const std::string& json);
  Status PushAttestation(const Context& ctx, const Target& target, const Attestation& attestation);
  Status PushDocuments(const Context& ctx, const Target& target, const Documents& documents,
                       const std::vector<std::string>& tags);

  layer::Store& layers_;
  ThreadPool& pool_;
};

/// How layers that are made here are written.
layer::AssembleOptions AssemblyOf(const ExportOptions& options);

/// Config and manifest of one image from its layers' blobs (in the chain's order).
Documents::Platform MakeDocuments(const PlatformImage& image, const std::vector<layer::AssembledLayer>& blobs,
                                  const std::vector<std::optional<SystemTime>>& created, const ExportOptions& options);

}  // namespace slipway::image
