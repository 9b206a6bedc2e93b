// BlobSender: the outward half of one blob: is it there, mount it, open an upload, send, resume, commit, cancel.
//
// Made for one call; not thread-safe. Follows OCI distribution 1.1, "Pushing blobs".
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "executor/registry/caller.h"

namespace slipway::registry {

/// Content that can be read again from anywhere.
struct BlobReader {
  uint64_t size = 0;
  std::function<Result<size_t>(std::span<char> buffer, uint64_t position)> read_at;

  static BlobReader Of(const content::Blob& blob);
  /// `bytes` must outlive the reader.
  static BlobReader Of(std::string_view bytes);
};

class BlobSender {
 public:
  /// Asks for the right to push.
  BlobSender(Caller& caller, Repository repo, std::string what)
      : BlobSender(caller, repo, std::move(what), ScopeSet::Push(repo.name)) {}
  BlobSender(Caller& caller, Repository repo, std::string what, ScopeSet scopes)
      : caller_(caller), repo_(std::move(repo)), what_(std::move(what)), scopes_(std::move(scopes)) {}

  Result<bool> Exists(const Context& ctx, const Digest& digest);

  struct MountResult {
    bool mounted = false;
    std::string location;  ///< of an upload that was opened instead; may be empty
  };
  Result<MountResult> Mount(const Context& ctx, const Digest& digest, const Repository& from);

  /// Opens an upload; its address.
  Result<std::string> Open(const Context& ctx);
  /// Sends all of `blob` to the upload at `location` (empty: opens one) and commits it. A dropped connection is resumed
  /// where the registry stopped, or begun again with a new upload.
  Status Send(const Context& ctx, std::string location, const Digest& digest, const BlobReader& blob,
              const ProgressFn& progress);

  /// The request that appends to an upload, without its body.
  Call Append(const std::string& location) const;
  /// Makes what was sent the blob of `digest`. UNAVAILABLE if the registry has lost the upload.
  Status Commit(const Context& ctx, const std::string& location, const Digest& digest);
  /// Gives an upload up: one short try, and no harm if it fails, as registries drop what nobody continues.
  void Cancel(const std::string& location);

 private:
  struct Transfer;
  Call MakeCall(std::string method, std::string target) const;
  Attempt SendOnce(const Context& ctx, Transfer& transfer);
  Attempt SendWhole(const Context& ctx, Transfer& transfer);
  Attempt SendInParts(const Context& ctx, Transfer& transfer);
  Status Resume(const Context& ctx, Transfer& transfer);
  Call CommitCall(const std::string& location, const Digest& digest) const;

  Caller& caller_;
  const Repository repo_;
  const std::string what_;
  const ScopeSet scopes_;
};

}  // namespace slipway::registry
