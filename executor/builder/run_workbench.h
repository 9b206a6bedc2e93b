// RunWorkbench: the Workbench of a builder. A folder below the builder's root, networks of its runner.
#pragma once

#include <memory>
#include <string>

#include "executor/base/cleanup.h"
#include "executor/base/git_logins.h"
#include "executor/base/guarded.h"
#include "executor/builder/builder.h"
#include "executor/builder/workbench.h"
#include "executor/builder/workspace.h"
#include "executor/content/store.h"
#include "executor/layer/store.h"
#include "executor/oci/config.h"
#include "executor/registry/registry.h"
#include "executor/runtime/runner.h"
#include "executor/snapshot/snapshotter.h"
#include "executor/source/fetcher.h"

namespace slipway::builder {

struct RunnableImage {
  std::string name;
  layer::Chain chain;
  oci::RunConfig config;
  layer::Pin pin;
  std::shared_ptr<content::Lease> lease;  ///< of what was read from a registry
};

/// The parts of a builder that a workbench uses; they must outlive it (but for the session).
struct WorkbenchParts {
  content::Store& content;
  layer::Store& layers;
  registry::Session session;
  std::shared_ptr<GitLogins> git_logins;  ///< null for none
  source::ContextFetcher& sources;
  snapshot::Snapshotter& snapshotter;
  runtime::Runner& runner;
  source::Limits limits;
  bool allow_privileged = false;
  bool allow_host_network = false;
  bool has_bridge = true;  ///< the operator has not chosen another network for all containers
};

class RunWorkbench : public Workbench {
 public:
  /// `folder` is made, and removed at the end. `name` is unique among the open workbenches.
  static Result<std::unique_ptr<RunWorkbench>> Open(const WorkbenchParts& parts, std::string name, std::string folder);
  ~RunWorkbench() override;

  Result<SourceFacts> Load(const Context& ctx, const source::ContextSpec& source, ProgressSink& progress) override;
  Result<std::string> ReadFile(const std::string& path, uint64_t limit) override;
  Status AddNetwork(const Context& ctx, const std::string& name) override;
  Result<FolderContext> ReadFolder(const Context& ctx, const std::string& folder,
                                   const std::string& dockerfile) override;
  Result<RunnableImagePtr> Resolve(const Context& ctx, const oci::Reference& name, ProgressSink& progress) override;
  Result<RunnableImagePtr> Use(const BuiltImage& image, const std::string& name) override;
  Result<std::unique_ptr<Container>> StartContainer(const Context& ctx, const RunnableImagePtr& image,
                                                    const ContainerRequest& request, runtime::OutputSink output,
                                                    const VertexProgress& progress) override;

 private:
  RunWorkbench(const WorkbenchParts& parts, std::string name, std::string folder);
  std::string NetworkName(const std::string& name) const { return name_ + "/" + name; }
  Result<runtime::ContainerSpec> MakeSpec(const RunnableImage& image, const ContainerRequest& request,
                                          const std::string& root);
  Status JoinNetwork(const ContainerRequest& request, runtime::ContainerSpec& spec);

  const WorkbenchParts parts_;
  const std::string name_;
  const std::string folder_;
  std::unique_ptr<Workspace> workspace_;
  Guarded<std::map<std::string, Cleanup>> networks_;
};

/// What a container of the image runs: docker's rules for ENTRYPOINT, CMD and what replaces them. INVALID_ARGUMENT if
/// that is nothing.
Result<std::vector<std::string>> CommandOf(const RunnableImage& image, const ContainerRequest& request);
/// The image's environment under that of the request.
std::vector<std::string> EnvOf(const RunnableImage& image, const ContainerRequest& request);

}  // namespace slipway::builder
