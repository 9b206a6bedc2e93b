#include "executor/registry/sender.h"

#include <algorithm>
#include <charconv>

#include "executor/http/url.h"
#include "executor/registry/answer.h"
#include "executor/registry/progress.h"
#include "executor/registry/retry.h"

namespace slipway::registry {

namespace {

// Up to this size a blob goes out in the request that commits it, and starts over if that fails.
constexpr uint64_t kWholeUpTo = 8U << 20;
// Storing a large blob may take a registry on slow storage minutes.
constexpr std::chrono::minutes kCommitTimeout{15};
constexpr std::chrono::seconds kCancelTimeout{3};

std::string WithDigest(const std::string& location, const Digest& digest) {
  const char* mark = location.find('?') == std::string::npos ? "?" : "&";
  return location + mark + "digest=" + http::PercentEncode(digest.ToString());
}

// "0-1023" says that 1024 bytes are there.
std::optional<uint64_t> ReceivedBytes(std::string_view range) {
  if (range.starts_with("bytes=")) range.remove_prefix(6);
  const size_t dash = range.find('-');
  if (dash == std::string_view::npos || range.substr(0, dash) != "0") return std::nullopt;
  uint64_t last = 0;
  const std::string_view digits = range.substr(dash + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), last);
  if (error != std::errc() || end != digits.data() + digits.size() || last == UINT64_MAX) return std::nullopt;
  // An upload without a byte is told as "0-0", and so is one with a single byte; sending that one again is safe only
  // from the start, so it counts as none.
  return last == 0 ? 0 : last + 1;
}

}  // namespace

BlobReader BlobReader::Of(const content::Blob& blob) {
  return {.size = blob.size(),
          .read_at = [blob](std::span<char> buffer, uint64_t position) { return blob.ReadAt(buffer, position); }};
}

BlobReader BlobReader::Of(std::string_view bytes) {
  return {.size = bytes.size(), .read_at = [bytes](std::span<char> buffer, uint64_t position) -> Result<size_t> {
            const std::string_view rest = bytes.substr(std::min<uint64_t>(position, bytes.size()));
            const size_t n = std::min(rest.size(), buffer.size());
            std::copy_n(rest.data(), n, buffer.data());
            return n;
          }};
}

/// One blob being sent, over as many connections and uploads as it takes.
struct BlobSender::Transfer {
  std::string location;  ///< empty: an upload is to be opened
  Digest digest;
  const BlobReader& blob;
  ProgressGate progress;
  bool begun = false;     ///< an attempt was made before
  uint64_t position = 0;  ///< bytes given to the connection
  uint64_t furthest = 0;

  http::BodySource Rest() {
    return {.read = [this](std::span<char> buffer) { return Read(buffer); },
            .rewind =
                [this, start = position] {
                  position = start;
                  return Status();
                },
            .size = blob.size - position};
  }

  Result<size_t> Read(std::span<char> buffer) {
    buffer = buffer.first(std::min<uint64_t>(buffer.size(), blob.size - position));
    if (buffer.empty()) return size_t{0};
    SLIPWAY_ASSIGN_OR_RETURN(const size_t got, blob.read_at(buffer, position));
    if (got == 0) return DataLoss("the blob ends after {} of {} bytes", position, blob.size);
    position += got;
    furthest = std::max(furthest, position);
    progress.Report(position);
    return got;
  }
};

Call BlobSender::MakeCall(std::string method, std::string target) const {
  Call call{.what = what_, .repo = repo_, .method = std::move(method), .target = std::move(target)};
  call.scopes = scopes_;
  return call;
}

Result<bool> BlobSender::Exists(const Context& ctx, const Digest& digest) {
  Call call = MakeCall("HEAD", ApiPath(repo_, "blobs", digest.ToString()));
  SLIPWAY_ASSIGN_OR_RETURN(const http::Response response, caller_.Do(ctx, std::move(call)));
  if (response.ok()) return true;
  if (response.status == 404) return false;
  return AnswerFailure(what_, repo_.host, response);
}

Result<BlobSender::MountResult> BlobSender::Mount(const Context& ctx, const Digest& digest, const Repository& from) {
  const std::string query =
      fmt::format("?mount={}&from={}", http::PercentEncode(digest.ToString()), http::PercentEncode(from.name));
  Call call = MakeCall("POST", ApiPath(repo_, "blobs", "uploads/" + query));
  call.scopes.Merge(ScopeSet::Pull(from.name));
  // A registry may refuse the mount where it would take the blob itself, so its refusal is no failure.
  auto response = caller_.Do(ctx, std::move(call));
  const bool refused = response.code() == Code::kPermissionDenied || response.code() == Code::kUnauthenticated;
  if (refused) return MountResult();
  if (!response.ok()) return std::move(response).status();
  if (response->status == 201) return MountResult{.mounted = true, .location = {}};
  if (response->status != 202) return MountResult();
  SLIPWAY_ASSIGN_OR_RETURN(std::string location, caller_.Locate(ctx, repo_, *response));
  return MountResult{.mounted = false, .location = std::move(location)};
}

Result<std::string> BlobSender::Open(const Context& ctx) {
  Call call = MakeCall("POST", ApiPath(repo_, "blobs", "uploads/"));
  SLIPWAY_ASSIGN_OR_RETURN(const http::Response response, caller_.DoOk(ctx, std::move(call)));
  auto location = caller_.Locate(ctx, repo_, response);
  if (!location.ok()) return std::move(location).With(what_);
  return location;
}

Call BlobSender::Append(const std::string& location) const {
  Call call = MakeCall("PATCH", location);
  call.request.headers.Set("Content-Type", "application/octet-stream");
  call.request.response_timeout = kCommitTimeout;
  return call;
}

Call BlobSender::CommitCall(const std::string& location, const Digest& digest) const {
  Call call = MakeCall("PUT", WithDigest(location, digest));
  call.request.headers.Set("Content-Type", "application/octet-stream");
  call.request.response_timeout = kCommitTimeout;
  return call;
}

Status BlobSender::Send(const Context& ctx, std::string location, const Digest& digest, const BlobReader& blob,
                        const ProgressFn& progress) {
  Transfer transfer{
      .location = std::move(location), .digest = digest, .blob = blob, .progress = ProgressGate(progress, blob.size)};
  const Options& options = caller_.state().options;
  RetryOutcome outcome = WithRetry(
      ctx, options.retry, *options.clock, [&] { return SendOnce(ctx, transfer); }, [&] { return transfer.furthest; });
  auto answer = caller_.Judge(MakeCall("PUT", ""), std::move(outcome));
  if (!answer.ok()) {
    if (!transfer.location.empty()) Cancel(transfer.location);
    return std::move(answer).status();
  }
  if (!answer->ok()) return AnswerFailure(what_, repo_.host, *answer);
  return Status();
}

Attempt BlobSender::SendOnce(const Context& ctx, Transfer& transfer) {
  if (std::exchange(transfer.begun, true)) {
    // The answer to the last attempt may be all that was lost.
    auto there = Exists(ctx, transfer.digest);
    if (!there.ok()) return {.result = std::move(there).status(), .is_final = true};
    if (*there) return {.result = http::Response{.status = 201}};
    if (Status status = Resume(ctx, transfer); !status.ok()) return {.result = status, .is_final = true};
  }
  if (transfer.location.empty()) {
    transfer.position = 0;
    auto opened = Open(ctx);
    if (!opened.ok()) return {.result = std::move(opened).status(), .is_final = true};
    transfer.location = std::move(*opened);
  }
  Attempt attempt = transfer.blob.size <= kWholeUpTo ? SendWhole(ctx, transfer) : SendInParts(ctx, transfer);
  if (attempt.result.ok() && (attempt.result->status == 404 || attempt.result->status == 416)) {
    // The registry has lost the upload, or has another idea of how far it got.
    transfer.location.clear();
    return {.result = Unavailable("'{}' has lost the upload", repo_.host)};
  }
  return attempt;
}

// Finds out how far the upload got. Where the registry does not tell, it is given up for a new one.
Status BlobSender::Resume(const Context& ctx, Transfer& transfer) {
  const std::string location = std::exchange(transfer.location, "");
  if (location.empty() || transfer.blob.size <= kWholeUpTo) return Status();
  auto answer = caller_.Do(ctx, MakeCall("GET", location));
  SLIPWAY_RETURN_IF_ERROR(ctx.Err());
  if (!answer.ok() || answer->status != 204) return Status();
  const auto received = ReceivedBytes(answer->headers.Get("Range"));
  if (!received || *received > transfer.blob.size) return Status();
  transfer.position = *received;
  transfer.location = location;
  if (answer->headers.Has("Location")) {
    SLIPWAY_ASSIGN_OR_RETURN(transfer.location, caller_.Locate(ctx, repo_, *answer));
  }
  return Status();
}

Attempt BlobSender::SendWhole(const Context& ctx, Transfer& transfer) {
  transfer.position = 0;
  Call call = CommitCall(transfer.location, transfer.digest);
  call.request.source = transfer.Rest();
  call.prepare = [&transfer](Call&) { transfer.position = 0; };
  return caller_.Once(ctx, call);
}

Attempt BlobSender::SendInParts(const Context& ctx, Transfer& transfer) {
  const uint64_t start = transfer.position;
  if (start < transfer.blob.size) {
    Call append = Append(transfer.location);
    append.request.source = transfer.Rest();
    append.prepare = [&transfer, start](Call&) { transfer.position = start; };
    if (start > 0) {
      append.request.headers.Set("Content-Range", fmt::format("{}-{}", start, transfer.blob.size - 1));
    }
    Attempt sent = caller_.Once(ctx, append);
    if (!sent.result.ok() || !sent.result->ok()) return sent;
    auto next = caller_.Locate(ctx, repo_, *sent.result);
    if (!next.ok()) return {.result = std::move(next).status().With(what_), .is_final = true};
    transfer.location = std::move(*next);
  }
  Call commit = CommitCall(transfer.location, transfer.digest);
  return caller_.Once(ctx, commit);
}

Status BlobSender::Commit(const Context& ctx, const std::string& location, const Digest& digest) {
  SLIPWAY_ASSIGN_OR_RETURN(const http::Response answer, caller_.Do(ctx, CommitCall(location, digest)));
  if (answer.ok()) return Status();
  if (answer.status != 404) return AnswerFailure(what_, repo_.host, answer);
  // An earlier attempt may have done it though its answer was lost.
  SLIPWAY_ASSIGN_OR_RETURN(const bool there, Exists(ctx, digest));
  return there ? Status() : Unavailable("{}: '{}' has lost the upload", what_, repo_.host);
}

void BlobSender::Cancel(const std::string& location) {
  const Context ctx = Context::Background().WithTimeout(kCancelTimeout, "give up an upload");
  Call call = MakeCall("DELETE", location);
  (void)caller_.Once(ctx, call);
}

}  // namespace slipway::registry
