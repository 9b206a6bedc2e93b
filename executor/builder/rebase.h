// Rebasing: an image is put on a newer base without building it. What it has over its base must not depend on that:
// then the Dockerfile is lowered again over the new base's config, and the layers stay what they are.
//
// The result is what a build of the same sources would give, to the byte: the config is made by the same lowering, and
// every instruction must be, on the new base, the one that made the layer at hand. Folders (WORKDIR) are made anew,
// which costs nothing where they come out the same. Everything else is refused (FAILED_PRECONDITION, with the reason):
// then a build is due. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "executor/base/thread_pool.h"
#include "executor/builder/build_context.h"
#include "executor/builder/built_image.h"
#include "executor/builder/rebase_plan.h"
#include "executor/builder/rebase_store.h"
#include "executor/dockerfile/lower.h"
#include "executor/image/exporter.h"
#include "executor/registry/registry.h"
#include "executor/solver/solver.h"

namespace slipway::builder {

/// Notes what a build looks up.
class NotedImages : public dockerfile::ImageResolver {
 public:
  /// `images` must outlive this.
  explicit NotedImages(dockerfile::ImageResolver& images) : images_(images) {}
  Result<dockerfile::ResolvedImage> Resolve(const Context& ctx, const std::string& name,
                                            const oci::Platform& platform) override;
  /// Each image once for each platform.
  std::vector<RebasePlan::Source> Take();

 private:
  dockerfile::ImageResolver& images_;
  std::mutex mutex_;
  std::vector<RebasePlan::Source> noted_;  // guarded by mutex_
};

/// What will be kept of an image under a key once it is pushed; gathered while it is built.
struct RebaseDraft {
  std::string key;
  RebasePlan plan;
};

class Rebaser {
 public:
  /// All must outlive it.
  struct Parts {
    const Options& options;
    layer::Store& layers;
    content::Store& content;
    solver::Solver& solver;
    RebaseStore& plans;
    ThreadPool& pool;
  };
  explicit Rebaser(Parts parts) : parts_(parts) {}

  /// The draft of a build that was lowered and is solved: `images` as the build has them, `lowered` in the same order.
  static RebaseDraft Draft(const BuildRequest& request, const BuildContext& context,
                           const std::vector<dockerfile::Lowered>& lowered, const BuiltImage::Impl& built,
                           std::vector<RebasePlan::Source> looked_up);
  /// Keeps it: the image was pushed. A failure is a warning in the log.
  void Keep(const RebaseDraft& draft, const image::Documents& documents, const registry::Repository& where) const;

  /// See Builder::Rebase. `session` is the request's.
  Result<BuiltImage> Rebase(const Context& ctx, const registry::Session& session, const BuildRequest& request,
                            ProgressSink& sink) const;

 private:
  struct Work;
  Status LowerAll(const Context& ctx, Work& work) const;
  Status Assemble(const Context& ctx, const dockerfile::Lowered& lowered, const RebasePlan::Image& known,
                  Work& work) const;
  Result<layer::Key> LayerOf(const Context& ctx, const RebasePlan::Layer& layer, const image::ExportOptions& options,
                             const registry::Session& session) const;

  const Parts parts_;
};

}  // namespace slipway::builder
