#include "executor/image/diff.h"

#include <algorithm>

#include "executor/image/diff_documents.h"
#include "executor/layer/merge.h"

namespace slipway::image {

namespace {

std::string_view TypeName(const tree::Entry& entry) {
  switch (entry.type) {
    case tree::Type::kFile: return "file";
    case tree::Type::kDirectory: return "folder";
    case tree::Type::kSymlink: return "symbolic link";
    case tree::Type::kHardlink: return "hard link";
    case tree::Type::kCharDevice: return "character device";
    case tree::Type::kBlockDevice: return "block device";
    case tree::Type::kFifo: return "fifo";
    case tree::Type::kSocket: return "socket";
    case tree::Type::kWhiteout: return "whiteout";
  }
  return "";
}

std::string Owner(const tree::Entry& entry) { return fmt::format("{}:{}", entry.uid, entry.gid); }
std::string Mode(const tree::Entry& entry) { return fmt::format("{:04o}", entry.mode); }

std::string Describe(const tree::Entry& entry) {
  if (entry.type == tree::Type::kWhiteout) return "whiteout";
  std::string text = fmt::format("{} {} {}", TypeName(entry), Mode(entry), Owner(entry));
  if (entry.is_file()) text += fmt::format(" {} bytes {}", entry.size, entry.digest.ToString());
  if (!entry.link.empty()) text += " -> " + entry.link;
  return text;
}

std::string Hex(std::string_view bytes) {
  std::string out = "0x";
  for (const char byte : bytes) out += fmt::format("{:02x}", static_cast<uint8_t>(byte));
  return out;
}

// Differences of one entry that both have.
class EntryDiff {
 public:
  EntryDiff(const std::string& layer, const DifferenceSink& sink) : layer_(layer), sink_(sink) {}

  Status Run(const tree::Entry& a, const tree::Entry& b) {
    name_ = "/" + a.path;
    if (a.type != b.type) return Add("type", Describe(a), Describe(b));
    if (a.mode != b.mode) SLIPWAY_RETURN_IF_ERROR(Add("mode", Mode(a), Mode(b)));
    if (Owner(a) != Owner(b)) SLIPWAY_RETURN_IF_ERROR(Add("owner", Owner(a), Owner(b)));
    if (a.mtime != b.mtime) SLIPWAY_RETURN_IF_ERROR(Add("mtime", TimeText(a.mtime), TimeText(b.mtime)));
    if (a.size != b.size) {
      SLIPWAY_RETURN_IF_ERROR(Add("size", std::to_string(a.size), std::to_string(b.size)));
    }
    if (a.digest != b.digest) SLIPWAY_RETURN_IF_ERROR(Add("content", a.digest.ToString(), b.digest.ToString()));
    if (a.link != b.link) SLIPWAY_RETURN_IF_ERROR(Add("link", a.link, b.link));
    if (a.dev_major != b.dev_major || a.dev_minor != b.dev_minor) {
      SLIPWAY_RETURN_IF_ERROR(Add("device", fmt::format("{}:{}", a.dev_major, a.dev_minor),
                                  fmt::format("{}:{}", b.dev_major, b.dev_minor)));
    }
    if (a.opaque != b.opaque) {
      SLIPWAY_RETURN_IF_ERROR(Add("opaque", a.opaque ? "true" : "false", b.opaque ? "true" : "false"));
    }
    return Xattrs(a, b);
  }

 private:
  static std::string TimeText(const tree::Time& time) {
    return time.nanos == 0 ? std::to_string(time.seconds) : fmt::format("{}.{:09}", time.seconds, time.nanos);
  }

  Status Add(std::string_view aspect, std::optional<std::string> first, std::optional<std::string> second) {
    return sink_({.part = "layer",
                  .name = name_,
                  .layer = layer_,
                  .aspect = std::string(aspect),
                  .first = std::move(first),
                  .second = std::move(second)});
  }

  Status Xattrs(const tree::Entry& a, const tree::Entry& b) {
    auto left = a.xattrs.begin();
    auto right = b.xattrs.begin();
    while (left != a.xattrs.end() || right != b.xattrs.end()) {
      const bool in_left = left != a.xattrs.end() && (right == b.xattrs.end() || left->first <= right->first);
      const bool in_right = right != b.xattrs.end() && (left == a.xattrs.end() || right->first <= left->first);
      const std::string aspect = fmt::format("xattr {}", in_left ? left->first : right->first);
      std::optional<std::string> first;
      std::optional<std::string> second;
      if (in_left) first = Hex((left++)->second);
      if (in_right) second = Hex((right++)->second);
      if (first != second) SLIPWAY_RETURN_IF_ERROR(Add(aspect, std::move(first), std::move(second)));
    }
    return Status();
  }

  const std::string& layer_;
  const DifferenceSink& sink_;
  std::string name_;
};

class LayersDiff {
 public:
  LayersDiff(const Context& ctx, const DiffSide& first, const DiffSide& second, const layer::ArchiveLimits& limits,
             const DifferenceSink& sink)
      : ctx_(ctx), first_(first), second_(second), limits_(limits), sink_(sink) {}

  Status Run() {
    const std::vector<Digest>& a = first_.config.diff_ids;
    const std::vector<Digest>& b = second_.config.diff_ids;
    const size_t most = std::min(a.size(), b.size());
    while (below_ < most && a[below_] == b[below_]) ++below_;
    size_t above = 0;
    while (above < most - below_ && a[a.size() - 1 - above] == b[b.size() - 1 - above]) ++above;
    SLIPWAY_RETURN_IF_ERROR(Blobs(0, 0, below_));
    const size_t in_first = a.size() - below_ - above;
    const size_t in_second = b.size() - below_ - above;
    if (in_first == in_second) {
      for (size_t i = below_; i < below_ + in_first; ++i) {
        if (a[i] == b[i]) {
          SLIPWAY_RETURN_IF_ERROR(Blobs(i, i, 1));
        } else {
          SLIPWAY_RETURN_IF_ERROR(Pair(i));
        }
      }
    } else {
      SLIPWAY_RETURN_IF_ERROR(Whole(in_first, in_second));
    }
    return Blobs(a.size() - above, b.size() - above, above);
  }

 private:
  Status Add(std::string name, std::string aspect, std::string first, std::string second) {
    return sink_({.part = "layers",
                  .name = std::move(name),
                  .layer = "",
                  .aspect = std::move(aspect),
                  .first = std::move(first),
                  .second = std::move(second)});
  }

  // The same layers may be compressed in different ways.
  Status Blobs(size_t first, size_t second, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      const oci::Descriptor& a = first_.manifest.layers[first + i];
      const oci::Descriptor& b = second_.manifest.layers[second + i];
      const std::string name = std::to_string(first + i);
      if (a.digest != b.digest) {
        SLIPWAY_RETURN_IF_ERROR(Add(name, "compressed", fmt::format("{} {} bytes {}", a.media_type, a.size, a.digest),
                                    fmt::format("{} {} bytes {}", b.media_type, b.size, b.digest)));
      } else if (a.media_type != b.media_type) {
        SLIPWAY_RETURN_IF_ERROR(Add(name, "media type", a.media_type, b.media_type));
      }
    }
    return Status();
  }

  Result<tree::Tree> Read(const DiffSide& side, size_t layer) const {
    const oci::Descriptor& descriptor = side.manifest.layers[layer];
    SLIPWAY_ASSIGN_OR_RETURN(const content::Blob blob, side.open_layer(ctx_, descriptor));
    SLIPWAY_ASSIGN_OR_RETURN(const oci::Compression compression, oci::LayerCompression(descriptor.media_type));
    return layer::DigestLayer(ctx_, layer::ReadBlob(blob), compression, side.config.diff_ids[layer], limits_);
  }

  Status Pair(size_t layer) {
    const std::string name = std::to_string(layer);
    SLIPWAY_RETURN_IF_ERROR(
        Add(name, "diff id", first_.config.diff_ids[layer].ToString(), second_.config.diff_ids[layer].ToString()));
    SLIPWAY_ASSIGN_OR_RETURN(const tree::Tree a, Read(first_, layer));
    SLIPWAY_ASSIGN_OR_RETURN(const tree::Tree b, Read(second_, layer));
    return DiffTrees(a, b, name, sink_);
  }

  Result<tree::Tree> ReadMerged(const DiffSide& side, size_t count) const {
    layer::LayerMerge merge;
    for (size_t i = 0; i < count; ++i) {
      SLIPWAY_ASSIGN_OR_RETURN(const tree::Tree tree, Read(side, below_ + i));
      SLIPWAY_RETURN_IF_ERROR(merge.Add(tree));
    }
    SLIPWAY_ASSIGN_OR_RETURN(std::vector<layer::MergedEntry> merged, std::move(merge).Finish(/*over_base=*/below_ > 0));
    std::vector<tree::Entry> entries;
    entries.reserve(merged.size());
    for (layer::MergedEntry& one : merged) entries.push_back(std::move(one.entry));
    return tree::Tree(std::move(entries));
  }

  Status Whole(size_t in_first, size_t in_second) {
    SLIPWAY_RETURN_IF_ERROR(Add("count", "value", std::to_string(first_.config.diff_ids.size()),
                                std::to_string(second_.config.diff_ids.size())));
    SLIPWAY_ASSIGN_OR_RETURN(const tree::Tree a, ReadMerged(first_, in_first));
    SLIPWAY_ASSIGN_OR_RETURN(const tree::Tree b, ReadMerged(second_, in_second));
    const size_t last = below_ + std::max(in_first, in_second) - 1;
    const std::string layer = last == below_ ? std::to_string(below_) : fmt::format("{}-{}", below_, last);
    return DiffTrees(a, b, layer, sink_);
  }

  const Context& ctx_;
  const DiffSide& first_;
  const DiffSide& second_;
  const layer::ArchiveLimits& limits_;
  const DifferenceSink& sink_;
  size_t below_ = 0;  // layers that are the same at the bottom
};

Status CheckLayers(const DiffSide& side) {
  if (side.config.diff_ids.size() == side.manifest.layers.size()) return Status();
  return DataLoss("image {} has {} layers but its config names {}", side.digest, side.manifest.layers.size(),
                  side.config.diff_ids.size());
}

}  // namespace

Status DiffTrees(const tree::Tree& first, const tree::Tree& second, const std::string& layer,
                 const DifferenceSink& sink) {
  EntryDiff entries(layer, sink);
  auto a = first.entries().begin();
  auto b = second.entries().begin();
  while (a != first.entries().end() || b != second.entries().end()) {
    const bool only_first =
        b == second.entries().end() || (a != first.entries().end() && tree::PathLess(a->path, b->path));
    const bool only_second = !only_first && (a == first.entries().end() || tree::PathLess(b->path, a->path));
    if (!only_first && !only_second) {
      SLIPWAY_RETURN_IF_ERROR(entries.Run(*a++, *b++));
      continue;
    }
    Difference difference{.part = "layer", .name = "", .layer = layer, .aspect = "", .first = {}, .second = {}};
    const tree::Entry& entry = only_first ? *a++ : *b++;
    difference.name = "/" + entry.path;
    (only_first ? difference.first : difference.second) = Describe(entry);
    SLIPWAY_RETURN_IF_ERROR(sink(difference));
  }
  return Status();
}

Status Diff(const Context& ctx, const DiffSide& first, const DiffSide& second, const layer::ArchiveLimits& limits,
            const DifferenceSink& sink) {
  SLIPWAY_RETURN_IF_ERROR(CheckLayers(first));
  SLIPWAY_RETURN_IF_ERROR(CheckLayers(second));
  if (first.digest == second.digest) return Status();
  bool told = false;
  const DifferenceSink tell = [&](const Difference& difference) {
    told = true;
    return sink(difference);
  };
  SLIPWAY_RETURN_IF_ERROR(DiffManifests(first.manifest_json, second.manifest_json, tell));
  SLIPWAY_RETURN_IF_ERROR(DiffConfigs(first.config_json, second.config_json, tell));
  SLIPWAY_RETURN_IF_ERROR(DiffHistories(first.config_json, second.config_json, tell));
  SLIPWAY_RETURN_IF_ERROR(LayersDiff(ctx, first, second, limits, tell).Run());
  if (told) return Status();
  return sink({.part = "manifest",
               .name = "digest",
               .layer = "",
               .aspect = "value",
               .first = first.digest.ToString(),
               .second = second.digest.ToString()});
}

}  // namespace slipway::image
