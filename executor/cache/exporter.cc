#include "executor/cache/exporter.h"

#include <algorithm>
#include <map>
#include <set>

namespace slipway::cache {

namespace {

bool IsPrefix(const layer::Chain& chain, const layer::Chain& of) {
  return chain.size() <= of.size() && std::equal(chain.begin(), chain.end(), of.begin());
}

// How many of the chain's layers came with the base image.
size_t BaseLayers(const graph::Vertex& vertex) {
  const graph::Vertex* at = &vertex;
  while (!std::holds_alternative<graph::SourceOp>(at->op)) {
    if (at->inputs.empty()) return 0;
    at = at->inputs[0].get();
  }
  return std::get<graph::SourceOp>(at->op).chain.size();
}

Record RecordOf(const solver::VertexResult& result) {
  Record out;
  out.key = result.key;
  if (!result.link.empty()) out.links.push_back(result.link);
  return out;
}

/// Records by key, each once, in order.
class Records {
 public:
  void Add(Record record) {
    const auto [it, is_new] = by_key_.emplace(record.key, list_.size());
    if (is_new) return list_.push_back(std::move(record));
    Record& known = list_[it->second];
    for (const Digest& link : record.links) {
      const bool there = std::find(known.links.begin(), known.links.end(), link) != known.links.end();
      if (!there && known.links.size() < kMostLinks) known.links.push_back(link);
    }
    if (!known.has_result && record.has_result) {
      known.has_result = true;
      known.chain = std::move(record.chain);
    }
  }
  std::vector<Record> Take() { return std::move(list_); }

 private:
  std::vector<Record> list_;
  std::map<Digest, size_t> by_key_;
};

}  // namespace

struct Exporter::Plan {
  std::vector<layer::Key> layers;  // each once
  std::vector<bool> of_base;       // whether it is a base's in all chains
  std::vector<Record> records;     // chains are indexes into `layers`
};

struct Exporter::Documents {
  std::string config;
  std::string manifest;
  Digest digest;
};

Exporter::Plan Exporter::MakePlan(const ExportRequest& request,
                                  const std::vector<solver::VertexResult>& results) const {
  Plan plan;
  Records records;
  std::map<layer::Key, size_t> known;
  for (const solver::VertexResult& result : results) {
    Record record = RecordOf(result);
    const auto below = [&result](const layer::Chain& image) { return IsPrefix(*result.chain, image); };
    const size_t base = BaseLayers(*result.vertex);
    // A base that another step of the run has built, and no registry has, is known nowhere else.
    const auto elsewhere = [&] {
      return std::all_of(result.chain->begin(),
                         result.chain->begin() + static_cast<ptrdiff_t>(std::min(base, result.chain->size())),
                         [this](const layer::Key& key) { return !layers_.DiffId(key).empty(); });
    };
    const bool wanted = result.chain && result.chain->size() <= kLongestChain && elsewhere() &&
                        (request.all_steps || std::any_of(request.images.begin(), request.images.end(), below));
    if (wanted) {
      record.has_result = true;
      for (size_t i = 0; i < result.chain->size(); ++i) {
        const auto [it, is_new] = known.emplace((*result.chain)[i], plan.layers.size());
        if (is_new) {
          plan.layers.push_back((*result.chain)[i]);
          plan.of_base.push_back(true);
        }
        if (i >= base) plan.of_base[it->second] = false;
        record.chain.push_back(it->second);
      }
    }
    // A key that nothing leads to is of no use without a result.
    if (record.has_result || !record.links.empty()) records.Add(std::move(record));
  }
  plan.records = records.Take();
  return plan;
}

std::optional<Exporter::Documents> Exporter::MakeDocuments(const Plan& plan, const ExportRequest& request) const {
  Config config;
  oci::Manifest manifest;
  std::map<Digest, size_t> blobs;
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    Layer layer;
    if (plan.of_base[i]) {
      layer.diff_id = layers_.DiffId(plan.layers[i]);
      if (layer.diff_id.empty()) return std::nullopt;
    } else {
      const std::optional<layer::AssembledLayer> known = layers_.KnownBlob(plan.layers[i], image::AssemblyOf(request.layers));
      if (!known) return std::nullopt;
      layer.diff_id = known->diff_id;
      const auto [it, is_new] = blobs.emplace(known->descriptor.digest, manifest.layers.size());
      if (is_new) manifest.layers.push_back(known->descriptor);
      layer.blob = static_cast<int64_t>(it->second);
    }
    config.layers.push_back(layer);
  }
  config.records = plan.records;
  Documents out;
  out.config = config.ToJson();
  manifest.config.media_type = kConfigType;
  manifest.config.digest = Digest::Of(out.config);
  manifest.config.size = static_cast<int64_t>(out.config.size());
  out.manifest = manifest.ToJson();
  out.digest = Digest::Of(out.manifest);
  return out;
}

Status Exporter::Send(const Context& ctx, const registry::Session& session, const ExportRequest& request,
                      const Plan& plan, content::Lease* lease, const VertexProgress& progress) {
  if (const auto known = MakeDocuments(plan, request)) {
    const auto there = session.Resolve(ctx, request.ref);
    if (there.ok() && there->descriptor.digest == known->digest) {
      progress.Note("the registry has this cache already");
      return Status();
    }
  }
  const registry::Repository repository = registry::Repository::Of(request.ref);
  TaskGroup group(pool_);
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    if (plan.of_base[i]) continue;
    group.Run([&, i]() -> Status {
      return images_.PushOne(ctx, session, repository, plan.layers[i], request.layers, lease, progress).status();
    });
  }
  SLIPWAY_RETURN_IF_ERROR(group.Wait());
  const std::optional<Documents> documents = MakeDocuments(plan, request);
  if (!documents) return Internal("layers that were just pushed are not known");
  if (documents->config.size() > kLargestConfig) {
    return ResourceExhausted("the records have {} bytes; the limit is {}", documents->config.size(), kLargestConfig);
  }
  SLIPWAY_RETURN_IF_ERROR(session.PushBytes(ctx, repository, documents->config).status());
  return session.PutManifest(ctx, request.ref, oci::media_type::kManifest, documents->manifest).status();
}

Status Exporter::Export(const Context& ctx, const registry::Session& session, const ExportRequest& request,
                        const std::vector<solver::VertexResult>& results, content::Lease* lease, ProgressSink& sink) {
  const std::string name = request.ref.ToString();
  const VertexProgress progress(&sink, "export cache " + name, fmt::format("exporting cache to {}", name));
  progress.Started();
  Status status = Send(ctx, session, request, MakePlan(request, results), lease, progress);
  progress.Finished(status);
  return std::move(status).With(fmt::format("export the cache to '{}'", name));
}

Config InlineRecords(const layer::Chain& image, const std::vector<Digest>& diff_ids,
                     const std::vector<solver::VertexResult>& results) {
  Config out;
  if (diff_ids.size() != image.size()) return out;
  for (size_t i = 0; i < diff_ids.size(); ++i) {
    out.layers.push_back({.diff_id = diff_ids[i], .blob = static_cast<int64_t>(i)});
  }
  Records records;
  for (const solver::VertexResult& result : results) {
    Record record = RecordOf(result);
    if (result.chain && result.chain->size() <= kLongestChain && IsPrefix(*result.chain, image)) {
      record.has_result = true;
      for (size_t i = 0; i < result.chain->size(); ++i) record.chain.push_back(i);
    }
    if (record.has_result || !record.links.empty()) records.Add(std::move(record));
  }
  out.records = records.Take();
  return out;
}

}  // namespace slipway::cache
