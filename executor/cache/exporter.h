// Export: the records of a build and the layers they stand for, to a registry (format.md) or into the image's own
// config.
#pragma once

#include <string>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/base/thread_pool.h"
#include "executor/cache/format.h"
#include "executor/image/exporter.h"
#include "executor/layer/store.h"
#include "executor/oci/reference.h"
#include "executor/registry/registry.h"
#include "executor/solver/solver.h"

namespace slipway::cache {

struct ExportRequest {
  oci::Reference ref;
  bool all_steps = false;  ///< mode=max; else layers of the images only, and of the other steps just the keys
  image::ExportOptions layers;
  std::vector<layer::Chain> images;  ///< what was built, a platform each
};

class Exporter {
 public:
  /// All must outlive the exporter.
  Exporter(layer::Store& layers, image::Exporter& images, ThreadPool& pool)
      : layers_(layers), images_(images), pool_(pool) {}

  /// Sends what the repository has not; nothing at all if the reference stands for this very cache already.
  Status Export(const Context& ctx, const registry::Session& session, const ExportRequest& request,
                const std::vector<solver::VertexResult>& results, content::Lease* lease, ProgressSink& progress);

 private:
  struct Plan;
  Plan MakePlan(const ExportRequest& request, const std::vector<solver::VertexResult>& results) const;
  /// Config and manifest; none if the blob of a layer is not known yet.
  struct Documents;
  std::optional<Documents> MakeDocuments(const Plan& plan, const ExportRequest& request) const;
  Status Send(const Context& ctx, const registry::Session& session, const ExportRequest& request, const Plan& plan,
              content::Lease* lease, const VertexProgress& progress);

  layer::Store& layers_;
  image::Exporter& images_;
  ThreadPool& pool_;
};

/// The records that an image itself can carry: of the steps that it stands on, and the keys of others. `diff_ids` are
/// those of `image`'s layers.
Config InlineRecords(const layer::Chain& image, const std::vector<Digest>& diff_ids,
                     const std::vector<solver::VertexResult>& results);

}  // namespace slipway::cache
