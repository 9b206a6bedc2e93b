// Attestations of a build: gathers what the builder knows about where an image comes from, and has its packages listed.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "executor/attest/provenance.h"
#include "executor/attest/scanner.h"
#include "executor/attest/statement.h"
#include "executor/base/guarded.h"
#include "executor/base/progress.h"
#include "executor/builder/build_context.h"
#include "executor/builder/builder.h"
#include "executor/dockerfile/lower.h"
#include "executor/image/exporter.h"
#include "executor/layer/store.h"

namespace slipway::builder {

/// What the image of one platform was built from.
attest::BuildFacts FactsOf(const BuildRequest& request, const BuildContext& context, const dockerfile::Lowered& lowered,
                           const oci::Platform& platform);

/// See Builder::ReadAttestations.
Result<std::vector<Attestation>> ReadAttestations(const Context& ctx, const registry::Session& session,
                                                  content::Store& content, const oci::Reference& image,
                                                  std::string_view predicate_prefix);

/// Makes predicates. Remembers the findings of the last images, so that one that did not change is not read again.
/// Thread-safe.
class Attester {
 public:
  /// `layers` must outlive it.
  explicit Attester(layer::Store& layers) : layers_(layers) {}

  /// Those that are asked for: the bill of materials, then the provenance. `image` is complete but for its
  /// attestations.
  Result<std::vector<attest::Predicate>> Make(const Context& ctx, const attest::Options& options,
                                              const attest::BuildFacts& facts, const image::PlatformImage& image,
                                              const std::optional<SystemTime>& epoch, ProgressSink& sink);

 private:
  using FindingsPtr = std::shared_ptr<const attest::Findings>;
  Result<FindingsPtr> Find(const Context& ctx, const layer::Chain& chain, const VertexProgress& progress);

  layer::Store& layers_;
  Guarded<std::deque<std::pair<layer::Chain, FindingsPtr>>> known_;
};

}  // namespace slipway::builder
