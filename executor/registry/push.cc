// Blobs and manifests outward.
#include "executor/registry/answer.h"
#include "executor/registry/caller.h"
#include "executor/registry/sender.h"

namespace slipway::registry {

namespace {

std::string WhatPush(const Repository& repo, const Digest& digest) {
  return fmt::format("push blob '{}@{}'", repo.ToString(), digest);
}

// One push, without looking at others.
Result<BlobOutcome> PushAlone(const Context& ctx, Caller& caller, const Repository& repo, const Digest& digest,
                              const BlobReader& blob, const PushOptions& options) {
  BlobSender sender(caller, repo, WhatPush(repo, digest));
  SLIPWAY_ASSIGN_OR_RETURN(const bool there, sender.Exists(ctx, digest));
  if (there) return BlobOutcome::kExisted;
  std::string location;
  for (const Repository& from : options.mount_from) {
    if (from.host != repo.host || from.name == repo.name) continue;
    if (!location.empty()) sender.Cancel(location);
    SLIPWAY_ASSIGN_OR_RETURN(BlobSender::MountResult mount, sender.Mount(ctx, digest, from));
    if (mount.mounted) return BlobOutcome::kMounted;
    location = std::move(mount.location);
  }
  SLIPWAY_ASSIGN_OR_RETURN(const Cleanup place, caller.state().limiter.Enter(ctx, repo.host));
  SLIPWAY_RETURN_IF_ERROR(sender.Send(ctx, std::move(location), digest, blob, options.progress));
  return BlobOutcome::kUploaded;
}

Result<BlobOutcome> PushShared(const Context& ctx, Caller& caller, const Repository& repo, const Digest& digest,
                               const BlobReader& blob, const PushOptions& options) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string identity, caller.Identity(ctx, repo.host));
  const std::string key = fmt::format("{}\n{}\n{}", repo.ToString(), digest, identity);
  auto outcome =
      caller.state().pushes.Do(ctx, key, [&] { return PushAlone(ctx, caller, repo, digest, blob, options); });
  if (outcome.ok() && options.progress) options.progress(blob.size, blob.size);
  return outcome;
}

}  // namespace

Result<bool> Session::Exists(const Context& ctx, const Repository& repo, const Digest& digest) const {
  Caller caller(*state_, credentials_.get());
  const std::string what = fmt::format("look for blob '{}@{}'", repo.ToString(), digest);
  return BlobSender(caller, repo, what, ScopeSet::Pull(repo.name)).Exists(ctx, digest);
}

Result<bool> Session::Mount(const Context& ctx, const Repository& repo, const Digest& digest,
                            const Repository& from) const {
  if (from.host != repo.host) return false;
  Caller caller(*state_, credentials_.get());
  const std::string what = fmt::format("mount blob '{}@{}' from '{}'", repo.ToString(), digest, from.ToString());
  BlobSender sender(caller, repo, what);
  SLIPWAY_ASSIGN_OR_RETURN(const BlobSender::MountResult mount, sender.Mount(ctx, digest, from));
  if (!mount.location.empty()) sender.Cancel(mount.location);
  return mount.mounted;
}

Result<BlobOutcome> Session::PushBlob(const Context& ctx, const Repository& repo, const Digest& digest,
                                      const content::Blob& blob, const PushOptions& options) const {
  Caller caller(*state_, credentials_.get());
  return PushShared(ctx, caller, repo, digest, BlobReader::Of(blob), options);
}

Result<BlobOutcome> Session::PushBytes(const Context& ctx, const Repository& repo, std::string_view bytes) const {
  Caller caller(*state_, credentials_.get());
  return PushShared(ctx, caller, repo, Digest::Of(bytes), BlobReader::Of(bytes), {});
}

Result<oci::Descriptor> Session::PutManifest(const Context& ctx, const oci::Reference& ref, std::string_view media_type,
                                             std::string_view bytes) const {
  const std::string what = fmt::format("push '{}'", ref.ToString());
  const Repository repo = Repository::Of(ref);
  oci::Descriptor out;
  out.media_type = media_type;
  out.digest = Digest::Of(bytes);
  out.size = static_cast<int64_t>(bytes.size());
  if (ref.tag.empty() && !ref.digest.empty() && ref.digest != out.digest) {
    return InvalidArgument("{}: the manifest's digest is {}", what, out.digest);
  }
  Caller caller(*state_, credentials_.get());
  Call call{.what = what, .repo = repo, .method = "PUT"};
  call.target = ApiPath(repo, "manifests", ref.tag.empty() ? out.digest.ToString() : ref.tag);
  call.request.headers.Set("Content-Type", media_type);
  call.request.body = bytes;
  call.scopes = ScopeSet::Push(repo.name);
  SLIPWAY_ASSIGN_OR_RETURN(const http::Response response, caller.DoOk(ctx, std::move(call)));
  const auto told = Digest::Parse(response.headers.Get("Docker-Content-Digest"));
  if (told.ok() && *told != out.digest) {
    return DataLoss("{}: the registry stored {} where {} was sent", what, *told, out.digest);
  }
  return out;
}

Result<oci::Descriptor> Session::PutManifests(const Context& ctx, const Repository& repo,
                                              std::span<const std::string> tags, std::string_view media_type,
                                              std::string_view bytes) const {
  oci::Reference ref{.host = repo.host, .repository = repo.name, .tag = {}, .digest = {}};
  if (tags.empty()) return PutManifest(ctx, ref, media_type, bytes);
  oci::Descriptor out;
  for (const std::string& tag : tags) {
    ref.tag = tag;
    SLIPWAY_ASSIGN_OR_RETURN(out, PutManifest(ctx, ref, media_type, bytes));
  }
  return out;
}

}  // namespace slipway::registry
