#include "daemon/runs/source_names.h"

#include "executor/builder/workbench.h"
#include "steps/task/pinned_source.h"

namespace slipway::runs {

Status NameSource(const Context& ctx, builder::Builder& builder, const builder::RegistryAccess& access,
                  const std::string& run_id, ProgressSink& progress, task::QuickBuild* build,
                  run_template::RunValues* values) {
  if (!values->commit.empty() || !task::NamesSource(*build) || !task::IsGitSource(build->source_location)) {
    return Status();
  }
  SLIPWAY_ASSIGN_OR_RETURN(const source::ContextSpec source, task::ParseSourceLocation(build->source_location));
  SLIPWAY_ASSIGN_OR_RETURN(const std::unique_ptr<builder::Workbench> workbench, builder.OpenWorkbench(run_id, access));
  SLIPWAY_ASSIGN_OR_RETURN(
      const builder::Workbench::SourceFacts facts,
      workbench->Load(ctx, source, progress).With("fetch the source, which the image is named after"));
  values->commit = facts.revision;
  if (values->branch.empty()) values->branch = facts.branch;
  if (values->repository.empty()) {
    const std::string open = task::WithoutSecret(build->source_location);
    values->repository = open.substr(0, open.find('#'));
  }
  // The branch may move on before the build reads it; the commit is here by now.
  build->source_location = task::PinnedSource(build->source_location, facts.revision, "");
  // Which stays with the source of the last run, and looks at none.
  build->rebase = false;
  return Status();
}

}  // namespace slipway::runs
