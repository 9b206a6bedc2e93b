#include "executor/builder/compared_image.h"

#include <memory>

#include "executor/base/near_miss.h"
#include "executor/tree/entry.h"

namespace slipway::builder {

namespace {

constexpr uint64_t kLargestTree = 1U << 30;
constexpr uint64_t kLargestComparedDocument = 8U << 20;
constexpr std::string_view kRefName = "org.opencontainers.image.ref.name";

Result<image::DiffSide> FindInRegistry(const Context& ctx, const oci::Reference& reference,
                                       const oci::Platform& platform, const registry::Session& session,
                                       content::Store& content, content::Lease& lease) {
  SLIPWAY_ASSIGN_OR_RETURN(registry::Image image, session.ResolveImage(ctx, reference, platform, &content, &lease));
  image::DiffSide side;
  side.digest = image.manifest.digest;
  side.manifest_json = std::move(image.manifest_json);
  side.config_json = std::move(image.config_json);
  side.manifest = std::move(image.parsed);
  side.config = std::move(image.config);
  side.open_layer = [session, repository = registry::Repository::Of(reference), &content, &lease](
                        const Context& call, const oci::Descriptor& layer) -> Result<content::Blob> {
    SLIPWAY_RETURN_IF_ERROR(session.PullBlob(call, repository, layer, content, &lease));
    return content.Open(layer.digest);
  };
  return side;
}

/// The files of an uploaded layout, by their paths.
class Layout {
 public:
  static Result<Layout> Open(const Digest& digest, content::Store& content, content::Lease& lease) {
    SLIPWAY_RETURN_IF_ERROR(lease.Add(digest));
    SLIPWAY_ASSIGN_OR_RETURN(const content::Blob blob, content.Open(digest));
    SLIPWAY_ASSIGN_OR_RETURN(const std::string bytes, blob.ReadAll(kLargestTree));
    SLIPWAY_ASSIGN_OR_RETURN(tree::Tree tree, tree::Decode(bytes));
    std::vector<Digest> contents;
    for (const tree::Entry& entry : tree.entries()) {
      if (!entry.digest.empty()) contents.push_back(entry.digest);
    }
    SLIPWAY_RETURN_IF_ERROR(lease.Add(contents));
    Layout out(content);
    out.tree_ = std::make_shared<const tree::Tree>(std::move(tree));
    if (out.tree_->Find("index.json") == nullptr || out.tree_->Find("oci-layout") == nullptr) {
      return InvalidArgument("this is no OCI image layout: it has no {}",
                             out.tree_->Find("oci-layout") == nullptr ? "oci-layout" : "index.json");
    }
    return out;
  }

  Result<content::Blob> File(const std::string& path) const {
    const tree::Entry* entry = tree_->Find(path);
    if (entry == nullptr || !entry->is_file()) return NotFound("the layout has no '{}'", path);
    return content_->Open(entry->digest);
  }

  Result<content::Blob> OpenBlob(const Digest& digest) const {
    const std::string path = "blobs/sha256/" + digest.hex();
    const tree::Entry* entry = tree_->Find(path);
    if (entry == nullptr || !entry->is_file()) return NotFound("the layout has no '{}'", path);
    if (entry->digest != digest) return DataLoss("'{}' of the layout has other bytes than its name says", path);
    return content_->Open(digest);
  }

  Result<std::string> Document(const Digest& digest) const {
    SLIPWAY_ASSIGN_OR_RETURN(const content::Blob blob, OpenBlob(digest));
    return blob.ReadAll(kLargestComparedDocument);
  }

  /// The manifest that the tag stands for, on one platform.
  Result<oci::Descriptor> Find(const std::string& tag, const oci::Platform& platform) const {
    SLIPWAY_ASSIGN_OR_RETURN(const content::Blob blob, File("index.json"));
    SLIPWAY_ASSIGN_OR_RETURN(const std::string json, blob.ReadAll(kLargestComparedDocument));
    SLIPWAY_ASSIGN_OR_RETURN(const oci::Index index, oci::Index::Parse(json).With("index.json"));
    SLIPWAY_ASSIGN_OR_RETURN(oci::Descriptor found, Choose(index, tag));
    for (int depth = 0; oci::IsIndexType(found.media_type); ++depth) {
      constexpr int kDeepest = 4;
      if (depth == kDeepest) return InvalidArgument("indexes of the layout are nested too deep");
      SLIPWAY_ASSIGN_OR_RETURN(const std::string below, Document(found.digest));
      SLIPWAY_ASSIGN_OR_RETURN(const oci::Index inner, oci::Index::Parse(below).With("an index of the layout"));
      const oci::Descriptor* of_platform = inner.Find(platform);
      if (of_platform == nullptr) return NotFound("the layout has no image for {}", platform.ToString());
      oci::Descriptor next = *of_platform;
      found = std::move(next);
    }
    return found;
  }

 private:
  explicit Layout(content::Store& content) : content_(&content) {}

  static Result<oci::Descriptor> Choose(const oci::Index& index, const std::string& tag) {
    std::vector<std::string> tags;
    for (const oci::Descriptor& entry : index.manifests) {
      const auto name = entry.annotations.find(std::string(kRefName));
      if (name == entry.annotations.end()) continue;
      if (!tag.empty() && name->second == tag) return entry;
      tags.push_back(name->second);
    }
    if (tag.empty()) {
      // Several names of one image are one image.
      const bool one = !index.manifests.empty() &&
                       std::all_of(index.manifests.begin(), index.manifests.end(), [&](const oci::Descriptor& entry) {
                         return entry.digest == index.manifests.front().digest;
                       });
      if (one) return index.manifests.front();
      return InvalidArgument("the layout has {} images; name one of them: {}", index.manifests.size(),
                             fmt::join(tags, ", "));
    }
    return NotFound("the layout has no image '{}'{}", tag,
                    DidYouMean(tag, std::vector<std::string_view>(tags.begin(), tags.end())));
  }

  content::Store* content_;
  std::shared_ptr<const tree::Tree> tree_;
};

Result<image::DiffSide> FindInLayout(const UploadedLayout& which, const oci::Platform& platform,
                                     content::Store& content, content::Lease& lease) {
  SLIPWAY_ASSIGN_OR_RETURN(const Layout layout, Layout::Open(which.tree, content, lease));
  SLIPWAY_ASSIGN_OR_RETURN(const oci::Descriptor manifest, layout.Find(which.tag, platform));
  image::DiffSide side;
  side.digest = manifest.digest;
  SLIPWAY_ASSIGN_OR_RETURN(side.manifest_json, layout.Document(manifest.digest));
  SLIPWAY_ASSIGN_OR_RETURN(side.manifest, oci::Manifest::Parse(side.manifest_json));
  SLIPWAY_ASSIGN_OR_RETURN(side.config_json, layout.Document(side.manifest.config.digest));
  SLIPWAY_ASSIGN_OR_RETURN(side.config, oci::ImageConfig::Parse(side.config_json));
  side.open_layer = [layout](const Context&, const oci::Descriptor& layer) { return layout.OpenBlob(layer.digest); };
  return side;
}

}  // namespace

Result<image::DiffSide> FindComparedImage(const Context& ctx, const ComparedImage& which, const oci::Platform& platform,
                                          const registry::Session& session, content::Store& content,
                                          content::Lease& lease) {
  if (const auto* reference = std::get_if<oci::Reference>(&which)) {
    return FindInRegistry(ctx, *reference, platform, session, content, lease)
        .With(fmt::format("image '{}'", reference->ToString()));
  }
  return FindInLayout(std::get<UploadedLayout>(which), platform, content, lease).With("image of a layout");
}

}  // namespace slipway::builder
