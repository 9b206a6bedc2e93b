// Which sources of secrets a daemon offers to tasks, as the operator sets it up.
#pragma once

#include "daemon/secrets/source_settings.h"
#include "executor/base/status.h"
#include "executor/http/transport.h"
#include "steps/secrets/local_secrets.h"
#include "steps/secrets/secret_source.h"

namespace slipway::secrets {

/// `transport` must outlive the sources. `store`: the daemon's own store of secrets; without it there is none.
/// INVALID_ARGUMENT for settings that do not fit together, with their key; errors of files that cannot be read.
Result<SecretSources> OpenSources(const SourceSettings& settings, http::Transport& transport,
                                  StoreSecrets::Lookup store = nullptr);

}  // namespace slipway::secrets
