// Names: from a reference to descriptor, manifest and config.
#include <fmt/ranges.h>

#include <algorithm>

#include "executor/oci/json.h"
#include "executor/registry/answer.h"
#include "executor/registry/caller.h"

namespace slipway::registry {

namespace {

constexpr uint64_t kLargestManifest = 4U << 20;
constexpr uint64_t kLargestImageConfig = 8U << 20;

const std::string& AcceptedManifests() {
  static const std::string accepted =
      fmt::format("{}, {}, {}, {}", oci::media_type::kIndex, oci::media_type::kManifest,
                  oci::media_type::kDockerManifestList, oci::media_type::kDockerManifest);
  return accepted;
}

std::string WithoutParameters(std::string_view content_type) {
  const size_t end = content_type.find_first_of("; ");
  return std::string(content_type.substr(0, end));
}

// What a document says of itself, else what its form says. "" if it is neither.
std::string MediaTypeOf(const nlohmann::json& json) {
  std::string out;
  oci::json::Read(json, "mediaType", out).Ignore();
  if (!out.empty()) return out;
  if (json.contains("manifests")) return std::string(oci::media_type::kIndex);
  if (json.contains("config") && json.contains("layers")) return std::string(oci::media_type::kManifest);
  return out;
}

// Settles the media type of a fetched document. A document that can be read as manifest and as index alike is refused,
// as one digest would then name two images.
Status CheckDocument(const std::string& what, Document& document) {
  auto json = oci::json::ParseObject(document.bytes, "the manifest");
  if (!json.ok()) return std::move(json).status().With(what);
  if (json->contains("manifests") && (json->contains("layers") || json->contains("config"))) {
    return InvalidArgument("{}: the manifest is an image and an index at once", what);
  }
  int64_t schema = 2;
  oci::json::Read(*json, "schemaVersion", schema).Ignore();
  if (schema == 1) {
    return Unimplemented("{}: it is a schema 1 image, which is not supported; push it again with a newer client", what);
  }
  const std::string own = MediaTypeOf(*json);
  std::string& type = document.descriptor.media_type;
  const bool known = oci::IsManifestType(type) || oci::IsIndexType(type);
  if (!known && !own.empty()) type = own;
  if (oci::IsIndexType(type) != json->contains("manifests")) {
    return InvalidArgument("{}: the manifest is not of the media type it is said to be, '{}'", what, CleanText(type));
  }
  return Status();
}

// Reads a small document by digest from the store. nullopt: not there.
Result<std::optional<std::string>> FromStore(content::Store* store, content::Lease* lease, const Digest& digest,
                                             uint64_t limit) {
  if (store == nullptr || digest.empty()) return std::optional<std::string>();
  if (lease != nullptr) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<Digest> missing, store->Missing({&digest, 1}, lease));
    if (!missing.empty()) return std::optional<std::string>();
  }
  auto blob = store->Open(digest);
  if (blob.code() == Code::kNotFound) return std::optional<std::string>();
  if (!blob.ok()) return std::move(blob).status();
  SLIPWAY_ASSIGN_OR_RETURN(std::string bytes, blob->ReadAll(limit));
  return std::optional(std::move(bytes));
}

Status Verify(const std::string& what, std::string_view bytes, const Digest& digest, int64_t size) {
  if (size > 0 && bytes.size() != static_cast<size_t>(size)) {
    return DataLoss("{}: {} has {} bytes where {} were announced", what, digest, bytes.size(), size);
  }
  const Digest got = Digest::Of(bytes);
  if (got != digest) return DataLoss("{}: the registry sent {} where {} was asked for", what, got, digest);
  return Status();
}

std::string PlatformsOf(const oci::Index& index) {
  std::vector<std::string> names;
  for (const oci::Descriptor& entry : index.manifests) {
    if (!entry.platform || entry.platform->os == "unknown") continue;
    if (names.size() < 30) names.push_back(CleanText(entry.platform->ToString()));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

/// The functions of this file share what they do for one reference.
class NameReader {
 public:
  NameReader(const Context& ctx, Caller& caller, Repository repo, std::string what)
      : ctx_(ctx), caller_(caller), repo_(std::move(repo)), what_(std::move(what)) {}

  // HEAD. nullopt: the registry does not tell enough, so the document must be fetched.
  Result<std::optional<oci::Descriptor>> Head(const std::string& selector) {
    SLIPWAY_ASSIGN_OR_RETURN(http::Response response, caller_.Do(ctx_, MakeCall("HEAD", selector)));
    if (response.status == 405 || response.status == 501) return std::optional<oci::Descriptor>();
    if (!response.ok()) return AnswerFailure(what_, repo_.host, response);
    const auto digest = Digest::Parse(response.headers.Get("Docker-Content-Digest"));
    const auto size = response.headers.GetNumber("Content-Length");
    oci::Descriptor out;
    out.media_type = WithoutParameters(response.headers.Get("Content-Type"));
    const bool known = oci::IsManifestType(out.media_type) || oci::IsIndexType(out.media_type);
    if (!digest.ok() || !size || *size == 0 || !known) return std::optional<oci::Descriptor>();
    out.digest = *digest;
    out.size = static_cast<int64_t>(*size);
    return std::optional(std::move(out));
  }

  // GET. The bytes are verified against `expected` where it is set, else against what the registry says.
  Result<Document> Get(const std::string& selector, const Digest& expected, int64_t size) {
    Call call = MakeCall("GET", selector);
    call.request.max_body = kLargestManifest;
    SLIPWAY_ASSIGN_OR_RETURN(http::Response response, caller_.DoOk(ctx_, std::move(call)));
    Digest digest = expected;
    if (digest.empty()) {
      const auto told = Digest::Parse(response.headers.Get("Docker-Content-Digest"));
      digest = told.ok() ? *told : Digest::Of(response.body);
    }
    SLIPWAY_RETURN_IF_ERROR(Verify(what_, response.body, digest, size));
    Document out;
    out.descriptor.media_type = WithoutParameters(response.headers.Get("Content-Type"));
    out.descriptor.digest = digest;
    out.descriptor.size = static_cast<int64_t>(response.body.size());
    out.bytes = std::move(response.body);
    SLIPWAY_RETURN_IF_ERROR(CheckDocument(what_, out));
    return out;
  }

 private:
  Call MakeCall(std::string method, const std::string& selector) const {
    Call call{.what = what_, .repo = repo_, .method = std::move(method)};
    call.target = ApiPath(repo_, "manifests", selector);
    call.request.headers.Set("Accept", AcceptedManifests());
    call.scopes = ScopeSet::Pull(repo_.name);
    return call;
  }

  const Context& ctx_;
  Caller& caller_;
  const Repository repo_;
  const std::string what_;
};

}  // namespace

Result<Document> Session::Resolve(const Context& ctx, const oci::Reference& ref, bool with_bytes) const {
  Caller caller(*state_, credentials_.get());
  const std::string what = fmt::format("resolve '{}'", ref.ToString());
  NameReader reader(ctx, caller, Repository::Of(ref), what);
  if (!with_bytes) {
    SLIPWAY_ASSIGN_OR_RETURN(std::optional<oci::Descriptor> found, reader.Head(ref.Selector()));
    if (found) {
      if (!ref.digest.empty() && found->digest != ref.digest) {
        return DataLoss("{}: the registry answers with {}", what, found->digest);
      }
      return Document{.descriptor = std::move(*found), .bytes = {}};
    }
  }
  return reader.Get(ref.Selector(), ref.digest, 0);
}

Result<Document> Session::FetchManifest(const Context& ctx, const Repository& repo, const oci::Descriptor& descriptor,
                                        content::Store* store, content::Lease* lease) const {
  const std::string what = fmt::format("fetch manifest '{}@{}'", repo.ToString(), descriptor.digest);
  SLIPWAY_ASSIGN_OR_RETURN(std::optional<std::string> kept,
                           FromStore(store, lease, descriptor.digest, kLargestManifest));
  Document document;
  if (kept) {
    document.descriptor = descriptor;
    document.descriptor.size = static_cast<int64_t>(kept->size());
    document.bytes = std::move(*kept);
    SLIPWAY_RETURN_IF_ERROR(CheckDocument(what, document));
    return document;
  }
  Caller caller(*state_, credentials_.get());
  NameReader reader(ctx, caller, repo, what);
  SLIPWAY_ASSIGN_OR_RETURN(document, reader.Get(descriptor.digest.ToString(), descriptor.digest, descriptor.size));
  if (store != nullptr) SLIPWAY_RETURN_IF_ERROR(store->Put(document.bytes, lease, content::Durable::kSoon).status());
  return document;
}

Result<std::string> Session::FetchConfig(const Context& ctx, const Repository& repo, const oci::Descriptor& descriptor,
                                         content::Store* store, content::Lease* lease) const {
  SLIPWAY_ASSIGN_OR_RETURN(std::optional<std::string> kept,
                           FromStore(store, lease, descriptor.digest, kLargestImageConfig));
  if (kept) return std::move(*kept);
  const std::string what = fmt::format("fetch image config '{}@{}'", repo.ToString(), descriptor.digest);
  Caller caller(*state_, credentials_.get());
  Call call{.what = what, .repo = repo, .target = ApiPath(repo, "blobs", descriptor.digest.ToString())};
  call.request.max_body = kLargestImageConfig;
  call.scopes = ScopeSet::Pull(repo.name);
  SLIPWAY_ASSIGN_OR_RETURN(http::Response response, caller.DoOk(ctx, std::move(call)));
  SLIPWAY_RETURN_IF_ERROR(Verify(what, response.body, descriptor.digest, descriptor.size));
  if (store != nullptr) SLIPWAY_RETURN_IF_ERROR(store->Put(response.body, lease, content::Durable::kSoon).status());
  return std::move(response.body);
}

Result<Image> Session::ResolveImage(const Context& ctx, const oci::Reference& ref, const oci::Platform& platform,
                                    content::Store* store, content::Lease* lease) const {
  const Repository repo = Repository::Of(ref);
  const std::string what = fmt::format("resolve '{}' for {}", ref.ToString(), platform.ToString());
  // A digest that is in the store needs no question to the registry at all.
  Document top;
  if (!ref.digest.empty() && store != nullptr && store->Has(ref.digest)) {
    top.descriptor.digest = ref.digest;
  } else {
    SLIPWAY_ASSIGN_OR_RETURN(top, Resolve(ctx, ref));
  }
  Image out;
  if (top.bytes.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(top, FetchManifest(ctx, repo, top.descriptor, store, lease));
  } else if (store != nullptr) {
    SLIPWAY_RETURN_IF_ERROR(store->Put(top.bytes, lease, content::Durable::kSoon).status());
  }
  out.root = top.descriptor;
  if (oci::IsIndexType(top.descriptor.media_type)) {
    auto index = oci::Index::Parse(top.bytes);
    if (!index.ok()) return std::move(index).status().With(what);
    const oci::Descriptor* entry = index->Find(platform);
    if (entry == nullptr) return NotFound("{}: the image is there for {} only", what, PlatformsOf(*index));
    SLIPWAY_ASSIGN_OR_RETURN(top, FetchManifest(ctx, repo, *entry, store, lease));
  }
  if (!oci::IsManifestType(top.descriptor.media_type)) {
    return InvalidArgument("{}: '{}' is not the media type of an image", what, CleanText(top.descriptor.media_type));
  }
  out.manifest = top.descriptor;
  auto parsed = oci::Manifest::Parse(top.bytes);
  if (!parsed.ok()) return std::move(parsed).status().With(what);
  out.parsed = std::move(*parsed);
  out.manifest_json = std::move(top.bytes);
  SLIPWAY_ASSIGN_OR_RETURN(out.config_json, FetchConfig(ctx, repo, out.parsed.config, store, lease));
  auto config = oci::ImageConfig::Parse(out.config_json);
  if (!config.ok()) return std::move(config).status().With(what);
  out.config = std::move(*config);
  return out;
}

}  // namespace slipway::registry
