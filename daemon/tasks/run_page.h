// The page that links in statuses of commits lead to: a run's state and times, in plain text, for whoever has the link.
// Ids of runs can be guessed, so it tells nothing else.
#pragma once

#include <string>

#include "daemon/http/router.h"
#include "daemon/store/run_store.h"

namespace slipway::tasks {

/// Adds GET /runs/{run}. `store` must outlive the router.
void AddRunPage(web::Router& router, store::RunStore& store);

std::string RunPage(const store::Run& run);

}  // namespace slipway::tasks
