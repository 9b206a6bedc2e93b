#include "cli/oci_layout.h"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "executor/base/fs.h"
#include "executor/base/near_miss.h"

namespace slipway::cli {

namespace {

using Json = nlohmann::json;

constexpr uint64_t kMaxDocument = 8U << 20;
constexpr size_t kMaxBlobs = 10'000;
constexpr int kMaxDepth = 4;  // an index of indexes of manifests
constexpr const char* kRefName = "org.opencontainers.image.ref.name";

std::string BlobPath(const std::string& folder, const Digest& digest) {
  return fs::Join(folder, fmt::format("blobs/sha256/{}", digest.hex()));
}

Result<Json> ReadJson(const std::string& path) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string text, fs::ReadFile(path, kMaxDocument));
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return InvalidArgument("'{}' is no JSON object", path);
  return json;
}

const Json& Member(const Json& json, const char* name) {
  static const Json kNothing;
  const auto it = json.is_object() ? json.find(name) : json.end();
  return it == json.end() ? kNothing : *it;
}

std::string TextOf(const Json& json) { return json.is_string() ? json.get<std::string>() : std::string(); }

Result<Digest> DigestOf(const Json& descriptor) { return Digest::Parse(TextOf(Member(descriptor, "digest"))); }

std::string RefName(const Json& descriptor) { return TextOf(Member(Member(descriptor, "annotations"), kRefName)); }

class Collector {
 public:
  explicit Collector(const std::string& folder) : folder_(folder) {}

  // A manifest or index and what it leads to.
  Status AddDocument(const Digest& digest, int depth) {
    SLIPWAY_ASSIGN_OR_RETURN(const bool is_new, Add(digest));
    if (!is_new) return Status();
    if (depth > kMaxDepth) return InvalidArgument("indexes are nested too deeply");
    SLIPWAY_ASSIGN_OR_RETURN(const Json json, ReadJson(BlobPath(folder_, digest)));
    for (const Json& manifest : Member(json, "manifests")) {
      SLIPWAY_ASSIGN_OR_RETURN(const Digest inner, DigestOf(manifest));
      // A layout may hold some platforms of an image only.
      if (fs::Exists(BlobPath(folder_, inner))) SLIPWAY_RETURN_IF_ERROR(AddDocument(inner, depth + 1));
    }
    if (const Json& config = Member(json, "config"); config.is_object()) SLIPWAY_RETURN_IF_ERROR(AddBlob(config));
    for (const Json& layer : Member(json, "layers")) SLIPWAY_RETURN_IF_ERROR(AddBlob(layer));
    return Status();
  }

  std::vector<Digest> Take() { return std::move(blobs_); }

 private:
  Status AddBlob(const Json& descriptor) {
    SLIPWAY_ASSIGN_OR_RETURN(const Digest digest, DigestOf(descriptor));
    return Add(digest).status();
  }

  Result<bool> Add(const Digest& digest) {
    if (!seen_.insert(digest).second) return false;
    if (seen_.size() > kMaxBlobs) return ResourceExhausted("the image has more than {} blobs", kMaxBlobs);
    if (!fs::Exists(BlobPath(folder_, digest))) return NotFound("blob {} is not in it", digest.ToString());
    blobs_.push_back(digest);
    return true;
  }

  const std::string& folder_;
  std::set<Digest> seen_;
  std::vector<Digest> blobs_;
};

Result<Digest> FindTag(const Json& index, const std::string& tag) {
  const Json& manifests = Member(index, "manifests");
  std::vector<std::string> names;
  for (const Json& descriptor : manifests) {
    const std::string name = RefName(descriptor);
    if (name == tag) return DigestOf(descriptor);
    if (!name.empty()) names.push_back(name);
  }
  if (manifests.size() == 1) return DigestOf(manifests[0]);
  const std::vector<std::string_view> views(names.begin(), names.end());
  return NotFound("there is no image with the tag '{}'{}; tags: {}", tag, DidYouMean(tag, views),
                  names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")));
}

}  // namespace

Result<LayoutFlag> ParseLayoutFlag(std::string_view text) {
  LayoutFlag flag;
  if (const size_t at = text.find('@'); at != std::string_view::npos) {
    SLIPWAY_ASSIGN_OR_RETURN(flag.digest, Digest::Parse(text.substr(at + 1)));
    text = text.substr(0, at);
  }
  const size_t colon = text.find(':');
  flag.folder = text.substr(0, colon);
  flag.tag = colon == std::string_view::npos ? "latest" : text.substr(colon + 1);
  if (flag.folder.empty() || flag.tag.empty()) return InvalidArgument("write oci-layout://FOLDER[:TAG][@DIGEST]");
  return flag;
}

Result<LayoutImage> ReadLayout(const LayoutFlag& flag) {
  const auto read = [&]() -> Result<LayoutImage> {
    SLIPWAY_ASSIGN_OR_RETURN(const Json index, ReadJson(fs::Join(flag.folder, "index.json")));
    LayoutImage image{.root = flag.digest, .blobs = {}};
    if (image.root.empty()) {
      SLIPWAY_ASSIGN_OR_RETURN(image.root, FindTag(index, flag.tag));
    }
    Collector collector(flag.folder);
    SLIPWAY_RETURN_IF_ERROR(collector.AddDocument(image.root, 0));
    image.blobs = collector.Take();
    return image;
  };
  return read().With(fmt::format("OCI layout '{}'", flag.folder));
}

}  // namespace slipway::cli
