#include "executor/builder/attestations.h"

#include <algorithm>

#include "executor/attest/spdx.h"

namespace slipway::builder {

namespace {

constexpr size_t kMostKnown = 32;
constexpr int64_t kLargestStatement = 64 << 20;

std::string SourceUrl(const source::ContextSpec& spec) {
  if (const auto* git = std::get_if<source::GitContext>(&spec)) return git->url;
  if (const auto* tarball = std::get_if<source::TarballContext>(&spec)) return tarball->url;
  return "";
}

void AddDownloads(const graph::VertexPtr& root, attest::BuildFacts& facts) {
  if (root == nullptr) return;
  for (const graph::VertexPtr& vertex : graph::Topological({root})) {
    if (const auto* http = std::get_if<graph::HttpOp>(&vertex->op)) {
      facts.downloads.push_back({.url = http->url, .checksum = http->checksum, .git = false, .commit = ""});
    } else if (const auto* git = std::get_if<graph::GitOp>(&vertex->op)) {
      facts.downloads.push_back({.url = git->url, .checksum = {}, .git = true, .commit = git->checksum});
    }
  }
}

// As the exporter dates the image: by its newest layer that was made here, or else by its base.
SystemTime TimeOf(layer::Store& layers, const image::PlatformImage& image, const std::optional<SystemTime>& epoch) {
  if (epoch) return *epoch;
  SystemTime time = image.config.created.value_or(SystemTime());
  for (size_t i = image.base_layers; i < image.chain.size(); ++i) time = layers.Created(image.chain[i]).value_or(time);
  return time;
}

}  // namespace

attest::BuildFacts FactsOf(const BuildRequest& request, const BuildContext& context, const dockerfile::Lowered& lowered,
                           const oci::Platform& platform) {
  attest::BuildFacts facts;
  facts.source = SourceUrl(request.context);
  facts.revision = context.revision();
  if (facts.revision.empty()) facts.context = tree::DigestOf(context.visible());
  facts.dockerfile = context.dockerfile_name();
  facts.dockerfile_digest = Digest::Of(context.dockerfile_text());
  facts.target = request.target;
  facts.platform = platform;
  facts.build_platform = oci::Platform::Host();
  for (const NamedValue& arg : request.build_args) {
    if (arg.secret) {
      facts.secret_args.push_back(arg.name);
    } else {
      facts.args.emplace_back(arg.name, arg.value);
    }
  }
  facts.labels = request.labels;
  for (const dockerfile::BaseImage& base : lowered.bases) {
    facts.images.push_back({.reference = base.reference, .digest = base.digest, .platform = base.platform});
  }
  AddDownloads(lowered.result, facts);
  return facts;
}

Result<std::vector<Attestation>> ReadAttestations(const Context& ctx, const registry::Session& session,
                                                  content::Store& content, const oci::Reference& image,
                                                  std::string_view predicate_prefix) {
  std::vector<Attestation> out;
  const registry::Repository repo = registry::Repository::Of(image);
  SLIPWAY_ASSIGN_OR_RETURN(const registry::Document root, session.Resolve(ctx, image, /*with_bytes=*/true));
  if (!oci::IsIndexType(root.descriptor.media_type)) return out;
  SLIPWAY_ASSIGN_OR_RETURN(const oci::Index index, oci::Index::Parse(root.bytes).With(image.ToString()));
  for (const oci::Descriptor& entry : index.manifests) {
    const auto subject = entry.annotations.find(std::string(image::kReferenceDigestKey));
    if (subject == entry.annotations.end()) continue;
    const auto of = std::find_if(index.manifests.begin(), index.manifests.end(),
                                 [&](const oci::Descriptor& one) { return one.digest.ToString() == subject->second; });
    if (of == index.manifests.end() || !of->platform) continue;
    SLIPWAY_ASSIGN_OR_RETURN(const registry::Document document,
                             session.FetchManifest(ctx, repo, entry, &content, nullptr));
    SLIPWAY_ASSIGN_OR_RETURN(const oci::Manifest manifest, oci::Manifest::Parse(document.bytes).With(image.ToString()));
    for (const oci::Descriptor& layer : manifest.layers) {
      const auto type = layer.annotations.find(std::string(image::kPredicateTypeKey));
      if (layer.media_type != image::kInTotoType || type == layer.annotations.end()) continue;
      if (!type->second.starts_with(predicate_prefix)) continue;
      if (layer.size > kLargestStatement) {
        return ResourceExhausted("a statement about '{}' has {} bytes", image.ToString(), layer.size);
      }
      Attestation found{.platform = *of->platform, .predicate_type = type->second, .statement = ""};
      const auto keep = [&found](std::string_view bytes) {
        found.statement.append(bytes);
        return Status();
      };
      SLIPWAY_RETURN_IF_ERROR(session.FetchBlob(ctx, repo, layer, keep));
      out.push_back(std::move(found));
    }
  }
  return out;
}

Result<Attester::FindingsPtr> Attester::Find(const Context& ctx, const layer::Chain& chain,
                                             const VertexProgress& progress) {
  {
    auto known = known_.Lock();
    const auto it = std::find_if(known->begin(), known->end(), [&](const auto& one) { return one.first == chain; });
    if (it != known->end()) {
      progress.Cached();
      return it->second;
    }
  }
  SLIPWAY_ASSIGN_OR_RETURN(attest::Findings found, attest::Scan(ctx, layers_, chain, progress));
  auto shared = std::make_shared<const attest::Findings>(std::move(found));
  auto known = known_.Lock();
  known->emplace_back(chain, shared);
  if (known->size() > kMostKnown) known->pop_front();
  return shared;
}

Result<std::vector<attest::Predicate>> Attester::Make(const Context& ctx, const attest::Options& options,
                                                      const attest::BuildFacts& facts,
                                                      const image::PlatformImage& image,
                                                      const std::optional<SystemTime>& epoch, ProgressSink& sink) {
  std::vector<attest::Predicate> out;
  if (options.sbom) {
    const std::string platform = facts.platform.ToString();
    const VertexProgress progress(&sink, "sbom " + platform, fmt::format("[sbom] listing packages of {}", platform));
    progress.Started();
    auto found = Find(ctx, image.chain, progress);
    if (found.ok()) {
      for (const std::string& problem : (*found)->problems) progress.Warning("not in the bill of materials", problem);
      progress.Note(fmt::format("{} packages", (*found)->packages.size()));
    }
    progress.Finished(found.status());
    SLIPWAY_RETURN_IF_ERROR(found.status());
    out.push_back(
        {std::string(attest::kSpdxType), attest::SpdxDocument(**found, facts.platform, TimeOf(layers_, image, epoch))});
  }
  if (options.provenance != attest::ProvenanceMode::kNone) {
    out.push_back({std::string(attest::kProvenanceType), attest::ProvenancePredicate(facts, options.provenance)});
  }
  return out;
}

}  // namespace slipway::builder
