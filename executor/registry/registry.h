// The registry client: OCI distribution 1.1 (and Docker registry v2 before it), pull and push.
//
// One Registry lives as long as the daemon and owns what is worth sharing: the transport with its connections, tokens,
// what was learned about hosts, flights under way. Work is done through a Session, a cheap copyable handle that adds
// credentials: those of a run, or the daemon's. Registry and Session are thread-safe; the Registry outlives its
// sessions and uploads.
//
// Every call retries what may pass (dropped connections, 408, 429, 5xx, with backoff and Retry-After) before it fails:
//   NOT_FOUND            no such image, tag or blob
//   UNAUTHENTICATED      the registry wants credentials and there are none, or they are wrong
//   PERMISSION_DENIED    the credentials do not allow it
//   RESOURCE_EXHAUSTED   rate limited
//   FAILED_PRECONDITION  TLS: the certificate is not trusted
//   DATA_LOSS            the bytes are not those of the digest
//   UNAVAILABLE          host unknown, connection refused, or still failing after all retries
//   INVALID_ARGUMENT     the registry refuses a document as malformed
// Each message has the reference and the host, and says what to do.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/clock.h"
#include "executor/base/context.h"
#include "executor/base/digest.h"
#include "executor/base/status.h"
#include "executor/content/store.h"
#include "executor/http/transport.h"
#include "executor/oci/config.h"
#include "executor/oci/manifest.h"
#include "executor/oci/reference.h"
#include "executor/registry/credentials.h"

namespace slipway::registry {

/// "host" and the name within it ("library/alpine").
struct Repository {
  std::string host;
  std::string name;

  static Repository Of(const oci::Reference& ref) { return {ref.host, ref.repository}; }
  std::string ToString() const { return host + "/" + name; }
  auto operator<=>(const Repository&) const = default;
};

struct RetryPolicy {
  int attempts = 5;  ///< in all
  std::chrono::milliseconds first_delay{200};
  std::chrono::milliseconds max_delay{10'000};        ///< the delay doubles up to this; a quarter of it is random
  std::chrono::milliseconds max_retry_after{60'000};  ///< a longer Retry-After is cut to this
  /// Waits between attempts. Null: Context::Sleep. Tests put in what does not wait.
  std::function<Status(const Context&, std::chrono::nanoseconds)> sleep;
};

struct Options {
  /// "host" or "host:port" that may be spoken to over plain HTTP. Loopback may always. Such hosts are asked once which
  /// of the two they speak. Give the same list to the transport.
  std::vector<std::string> insecure_hosts;
  /// Blobs under way at once to or from one host. Small requests and uploads by Session::StartUpload do not count.
  size_t max_transfers_per_host = 6;
  RetryPolicy retry;
  const Clock* clock = &Clock::Real();  ///< for the expiry of tokens
};

/// `done` of `total` bytes. Called from the transferring thread, at most some ten times a second and at the end.
using ProgressFn = std::function<void(uint64_t done, uint64_t total)>;

/// A manifest or index as it stands in the registry.
struct Document {
  oci::Descriptor descriptor;  ///< media type, digest, size
  std::string bytes;           ///< verified; empty if only the descriptor was asked for
};

/// What an image reference stands for on one platform.
struct Image {
  oci::Descriptor root;      ///< what the reference names: an index or a manifest
  oci::Descriptor manifest;  ///< the platform's manifest
  std::string manifest_json;
  oci::Manifest parsed;
  std::string config_json;
  oci::ImageConfig config;
};

/// Who hashes what is fetched and compares digests.
enum class HashedBy {
  kFetch,
  kSink,  ///< it keeps the bytes by their digest anyway
};

enum class BlobOutcome { kExisted, kMounted, kUploaded };

struct PushOptions {
  /// Repositories of the same host that hold the blob, to mount it from. Others are passed over.
  std::vector<Repository> mount_from;
  ProgressFn progress;
};

/// A blob sent while it is made; its digest is known only at the end. One thread at a time. Destroyed without Commit,
/// the upload is given up. Trouble with the connection does not disturb the maker: it is remembered, further bytes are
/// dropped, and Commit sends the blob again from the content store.
class Upload {
 public:
  virtual ~Upload() = default;
  /// Blocks while buffers are full. Fails only on cancel.
  virtual Status Write(const Context& ctx, std::string_view bytes) = 0;
  /// Makes the blob visible. `whole` is the same content, for sending it again; without it a broken upload is an error.
  virtual Status Commit(const Context& ctx, const Digest& digest, const content::Blob* whole = nullptr) = 0;
  /// Whether the streamed bytes are lost, so that Commit will send all of them again.
  virtual bool broken() const = 0;
};

class RegistryState;  // what sessions share

class Session {
 public:
  // --- names -------------------------------------------------------------------------------------------------------

  /// What `ref` names now. By tag one HEAD; the document is fetched too if `with_bytes`, or if the registry does not
  /// say the digest. With a digest in `ref`, what is found must have it.
  Result<Document> Resolve(const Context& ctx, const oci::Reference& ref, bool with_bytes = false) const;

  /// A manifest or index by digest. Taken from `store` if it is there, else fetched and put there under `lease`; both
  /// may be null. RESOURCE_EXHAUSTED past 4 MiB.
  Result<Document> FetchManifest(const Context& ctx, const Repository& repo, const oci::Descriptor& descriptor,
                                 content::Store* store, content::Lease* lease) const;

  /// An image config (or another small blob) by digest, through `store` likewise. RESOURCE_EXHAUSTED past 8 MiB.
  Result<std::string> FetchConfig(const Context& ctx, const Repository& repo, const oci::Descriptor& descriptor,
                                  content::Store* store, content::Lease* lease) const;

  /// Resolve, platform selection, manifest and config in one. NOT_FOUND names the platforms there are.
  Result<Image> ResolveImage(const Context& ctx, const oci::Reference& ref, const oci::Platform& platform,
                             content::Store* store, content::Lease* lease) const;

  // --- blobs, inward -----------------------------------------------------------------------------------------------

  /// Streams a blob into `sink`, verifying its size and (unless the sink does) its digest at the end, so bytes reach
  /// the sink before they are proven. A dropped connection is resumed where it stopped. The sink must not wait for
  /// another transfer of the same host.
  Status FetchBlob(const Context& ctx, const Repository& repo, const oci::Descriptor& descriptor,
                   const http::Sink& sink, const ProgressFn& progress = nullptr,
                   HashedBy hashed_by = HashedBy::kFetch) const;

  /// Brings a blob into `store` unless it is there; leased. Equal calls at the same time share one transfer.
  Status PullBlob(const Context& ctx, const Repository& repo, const oci::Descriptor& descriptor, content::Store& store,
                  content::Lease* lease, const ProgressFn& progress = nullptr) const;

  // --- blobs, outward ----------------------------------------------------------------------------------------------

  /// Whether the repository has the blob.
  Result<bool> Exists(const Context& ctx, const Repository& repo, const Digest& digest) const;

  /// Makes a blob of `from` (same host) visible in `repo` without sending it. False if the registry declined.
  Result<bool> Mount(const Context& ctx, const Repository& repo, const Digest& digest, const Repository& from) const;

  /// Makes sure that the repository has the blob: it is there, can be mounted, or is sent. Equal calls at the same time
  /// share one transfer. `blob` is the content of `digest`.
  Result<BlobOutcome> PushBlob(const Context& ctx, const Repository& repo, const Digest& digest,
                               const content::Blob& blob, const PushOptions& options = {}) const;
  /// The same for bytes in memory (an image config).
  Result<BlobOutcome> PushBytes(const Context& ctx, const Repository& repo, std::string_view bytes) const;

  /// Begins a blob of unknown digest.
  Result<std::unique_ptr<Upload>> StartUpload(const Context& ctx, const Repository& repo) const;

  /// Stores a manifest or index under the tag (or, without one, the digest) of `ref`. Blobs it names must be there.
  Result<oci::Descriptor> PutManifest(const Context& ctx, const oci::Reference& ref, std::string_view media_type,
                                      std::string_view bytes) const;
  /// The same under several tags of one repository.
  Result<oci::Descriptor> PutManifests(const Context& ctx, const Repository& repo, std::span<const std::string> tags,
                                       std::string_view media_type, std::string_view bytes) const;

 private:
  friend class Registry;
  Session(std::shared_ptr<RegistryState> state, std::shared_ptr<CredentialSource> credentials)
      : state_(std::move(state)), credentials_(std::move(credentials)) {}
  std::shared_ptr<RegistryState> state_;
  std::shared_ptr<CredentialSource> credentials_;
};

class Registry {
 public:
  /// `credentials` are the daemon's own; may be null.
  Registry(Options options, std::shared_ptr<http::Transport> transport, std::shared_ptr<CredentialSource> credentials);
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  /// `first` is asked before the daemon's credentials; may be null.
  Session NewSession(std::shared_ptr<CredentialSource> first = nullptr) const;
  /// With these credentials and no others; null: anonymous.
  Session NewIsolatedSession(std::shared_ptr<CredentialSource> only) const;

 private:
  std::shared_ptr<RegistryState> state_;
  std::shared_ptr<CredentialSource> credentials_;
};

}  // namespace slipway::registry
