// What a build's source tells before the build begins, for names that speak of it. Free functions without state.
#pragma once

#include <string>

#include "executor/base/context.h"
#include "executor/base/progress.h"
#include "executor/builder/builder.h"
#include "steps/task/quick_build.h"
#include "steps/template/run_values.h"

namespace slipway::runs {

/// Fetches a git source whose commit, branch or address a name or an argument of the build speaks of, fills that into
/// `values` and holds the build to the commit. Nothing if they are known already or not spoken of. `run_id` names the
/// workbench. Codes of the fetch.
Status NameSource(const Context& ctx, builder::Builder& builder, const builder::RegistryAccess& access,
                  const std::string& run_id, ProgressSink& progress, task::QuickBuild* build,
                  run_template::RunValues* values);

}  // namespace slipway::runs
