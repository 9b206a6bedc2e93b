// Builder: the executor's front door. A build request goes in; an image and progress events come out; the image is
// pushed under its names. Everything below this (frontend, solver, layers, registry) is reached through it.
//
// One Builder per daemon, made from a root folder; all functions may be called from any thread.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "executor/attest/options.h"
#include "executor/base/context.h"
#include "executor/base/digest.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/builder/build_inputs.h"
#include "executor/builder/registry_access.h"
#include "executor/content/store.h"
#include "executor/image/difference.h"
#include "executor/image/output_sink.h"
#include "executor/oci/config.h"
#include "executor/oci/manifest.h"
#include "executor/oci/platform.h"
#include "executor/oci/reference.h"
#include "executor/source/context_source.h"

namespace slipway::builder {
class Workbench;  // workbench.h
struct BuiltImage;
}  // namespace slipway::builder

namespace slipway::builder {

/// How much work may be done and what is allowed; set by the operator.
struct Options {
  std::string root;                              ///< state; made if missing
  std::string default_registry;                  ///< host of images named without one when pushing; "" for none
  std::vector<std::string> insecure_registries;  ///< hosts reached by plain HTTP (loopback always is)
  std::string docker_config;                     ///< folder of a Docker credential file; "" for none
  std::string ca_file;                           ///< further certificates to trust; "" for none
  std::string runtime;                           ///< "auto", "crun", "runc" or a path
  std::string userns = "auto";                   ///< "auto" or "off"
  std::string network = "bridge";                ///< of RUN steps: "bridge", "host" or "none"
  bool allow_host_network = false;
  bool allow_insecure_security = false;
  size_t max_parallel_steps = 0;  ///< vertices at once over all builds; 0: four a processor, at least 16
  source::Limits limits;
  bool allow_local_git = false;     ///< file:// and plain paths as git remotes
  uint64_t keep_storage_bytes = 0;  ///< 0: a tenth of the disk, at least 10 GB
};

struct NamedValue {
  std::string name;
  std::string value;
  bool secret = false;  ///< masked in logs and never stored in history
};

/// Where the build's cache is exported to once it is built.
struct CacheTarget {
  enum class Type { kRegistry, kInline };
  Type type = Type::kRegistry;
  oci::Reference ref;      ///< kRegistry
  bool all_steps = false;  ///< mode=max: the results of all steps, not just of those that the image stands on
  std::optional<oci::Compression> compression;  ///< of layers; none: as the image's
  bool ignore_error = false;                    ///< a failure is a warning
};

struct BuildRequest {
  source::ContextSpec context;
  std::string dockerfile = "Dockerfile";  ///< path in the context
  /// The Dockerfile's text where it is not in the context, or hidden from it by an ignore file; `dockerfile` then only
  /// names it.
  std::optional<std::string> dockerfile_text;
  std::vector<NamedValue> build_args;
  std::string target;
  std::vector<oci::Platform> platforms;  ///< empty: the machine's own
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  std::vector<std::string> add_hosts;  ///< "name:address" or "name=address"
  std::string network;                 ///< "", "default", "none", "host"
  bool no_cache = false;
  bool pull = false;  ///< bases are always looked up in their registry; kept for the warning it gives otherwise
  oci::Family media_types = oci::Family::kOci;
  oci::Compression compression = oci::Compression::kGzip;
  attest::Options attest;  ///< INVALID_ARGUMENT with Docker's media types
  /// Stop once the Dockerfile is looked over: no step is run, and what was found is the error.
  bool check_only = false;
  std::vector<oci::Reference> cache_from;  ///< caches, or images with an inline cache, whose records may be used
  std::vector<CacheTarget> cache_to;
  int compression_level = -1;      ///< of layers made here; -1: the codec's default
  bool squash = false;             ///< one layer of all that the build adds to its base
  bool rewrite_timestamp = false;  ///< times in new layers that are later than the epoch become it
  /// The build argument SOURCE_DATE_EPOCH: "" for what build_args say, "commit" for the time of a git context's commit,
  /// or a number of seconds.
  std::string source_date_epoch;
  std::vector<oci::Reference> names;  ///< what the image is to be called; the build step keeps them for later steps
  /// It will be pushed under `names` once it is built: its layers are sent there while later ones are made.
  bool push_follows = false;
  /// Images by their names (Reference::ToString), which FROM and --from find before a registry is asked.
  std::map<std::string, std::shared_ptr<const BuiltImage>> local_images;
  BuildInputs inputs;     ///< what the build is given besides its context
  RegistryAccess access;  ///< of the build and of pushes of its image
  /// Not empty: once the image is pushed, what Rebase needs is kept under this key, in place of what was. Whoever asks
  /// gives equal keys to equal requests only.
  std::string rebase_key;
  /// Not empty: why this image must not be what a later one is made from by Rebase. With a rebase_key.
  std::string rebase_refusal;
};

/// What was counted while building, for the summary.
struct BuildSummary {
  int vertices = 0;
  int cached = 0;
};

/// An image that was built. Its layers may not have been assembled yet: pushing does that.
struct BuiltImage {
  struct Impl;
  std::shared_ptr<Impl> impl;  ///< holds a lease on all that the image is made of
  BuildSummary summary;
  std::string revision;  ///< commit of a git context, else ""
  /// What the image was built from: runtime base last FROM, others build time.
  struct Base {
    oci::Reference reference;
    Digest digest;
    bool runtime = false;
  };
  std::vector<Base> bases;
};

/// What is made of an image for a client.
enum class OutputKind {
  kOci,     ///< an OCI image layout
  kDocker,  ///< an archive for `docker load`, which is an OCI image layout too; one platform only
  kRootfs,  ///< the file system; of several platforms each in a folder of its own
};

struct Output {
  OutputKind kind = OutputKind::kOci;
  std::vector<oci::Reference> names;
};

/// An OCI image layout that was uploaded as a context: the digest of its encoded tree in the content store.
struct UploadedLayout {
  Digest tree;
  std::string tag;  ///< "" where the layout has one image only
};
using ComparedImage = std::variant<oci::Reference, UploadedLayout>;

struct DiffRequest {
  ComparedImage first;
  ComparedImage second;
  std::optional<oci::Platform> platform;  ///< of images for several; nothing: the machine's own
};

/// The manifests that were compared; they are the same if these digests are.
struct DiffResult {
  Digest first;
  Digest second;
};

struct PushedLayer {
  oci::Descriptor descriptor;
  enum class How { kThere, kMounted, kUploaded } how = How::kThere;
};

/// A statement about the image of one platform.
struct Attestation {
  oci::Platform platform;
  std::string predicate_type;
  std::string statement;  ///< in-toto, JSON
};

struct PushResult {
  oci::Descriptor manifest;  ///< of the manifest or index
  std::vector<PushedLayer> layers;
  std::vector<oci::Reference> names;  ///< as pushed
};

/// The image as it stands once its layers are assembled.
struct ImageInfo {
  oci::Descriptor manifest;
  Digest config;
  std::vector<oci::Descriptor> layers;
};

/// What became of the storage, in bytes.
struct Pruned {
  uint64_t freed = 0;
  uint64_t kept = 0;
};

class Builder {
 public:
  /// Opens the state below options.root, removes what a crash left, probes the runtime.
  static Result<std::unique_ptr<Builder>> Open(const Options& options);
  virtual ~Builder() = default;

  /// For uploads of contexts.
  virtual content::Store& store() = 0;
  /// An upload that was just put into the store: the build of it that follows need not read it.
  virtual void Expect(source::ArrivedTree) {}

  virtual Result<BuiltImage> Build(const Context& ctx, const BuildRequest& request, ProgressSink& progress) = 0;
  /// The image of the last build with the request's rebase_key, put on its base as that is now: without its source,
  /// without running anything. What it has over the base stays; the result is what Build would give for the same
  /// source. FAILED_PRECONDITION with the reason where that is not certain: then it has to be built. See rebase.h.
  virtual Result<BuiltImage> Rebase(const Context& ctx, const BuildRequest& request, ProgressSink& progress) = 0;
  /// Assembles what is not assembled yet and pushes under all names (they may be of several registries).
  virtual Result<PushResult> Push(const Context& ctx, const BuiltImage& image, const std::vector<oci::Reference>& names,
                                  ProgressSink& progress) = 0;
  /// Assembles the layers into the content store without pushing: the digest of an image that is not pushed.
  virtual Result<ImageInfo> Assemble(const Context& ctx, const BuiltImage& image, ProgressSink& progress) = 0;

  /// What a name stands for in its registry now: manifest or index. One request; codes as registry/registry.h has them.
  virtual Result<Digest> Lookup(const Context& ctx, const oci::Reference& image) = 0;

  /// What is attested of an image in a registry (`image` has a digest), in the order of its index; empty if nothing is.
  /// `predicate_prefix`: only predicates of a type that begins so. RESOURCE_EXHAUSTED past 64 MiB a statement.
  virtual Result<std::vector<Attestation>> ReadAttestations(const Context& ctx, const oci::Reference& image,
                                                            std::string_view predicate_prefix) = 0;

  /// The paths in which two commits of a git context differ: source::GitSource::ChangedPaths. INVALID_ARGUMENT if
  /// `location` is no git address.
  virtual Result<std::vector<std::string>> ChangedPaths(const Context& ctx, const std::string& location,
                                                        const std::string& before, const std::string& after) = 0;

  /// What the containers of one run share (workbench.h). `name` tells it from others that are open: ALREADY_EXISTS.
  virtual Result<std::unique_ptr<Workbench>> OpenWorkbench(const std::string& name, const RegistryAccess& access) = 0;

  /// Makes an output of an image and hands it to `sink`, as fast as that takes it. May be called again.
  virtual Status Export(const Context& ctx, const BuiltImage& image, const Output& output, image::OutputSink& sink,
                        ProgressSink& progress) = 0;

  /// Tells what differs between two images. Unpacks nothing.
  virtual Result<DiffResult> Diff(const Context& ctx, const DiffRequest& request,
                                  const image::DifferenceSink& sink) = 0;

  /// For `slipway info`: runtime, its version, storage driver, bytes held …, in order of display.
  virtual std::vector<std::pair<std::string, std::string>> Describe() = 0;
  /// Frees what is kept over the budget (Options::keep_storage_bytes). Called now and then by the daemon.
  virtual Status Collect(const Context& ctx) = 0;
  /// The same for another budget, now; 0 keeps only what runs that are under way need.
  virtual Result<Pruned> Prune(const Context& ctx, uint64_t keep_bytes) = 0;
};

}  // namespace slipway::builder
