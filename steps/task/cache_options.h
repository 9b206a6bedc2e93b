// The values of --cache-from and --cache-to, in BuildKit's notation: "type=registry,ref=NAME,mode=max", or just NAME.
// Free functions.
#pragma once

#include <string_view>

#include "executor/base/status.h"
#include "executor/builder/builder.h"
#include "executor/oci/reference.h"

namespace slipway::task {

/// INVALID_ARGUMENT for what is malformed or unknown, UNIMPLEMENTED for kinds of caches that others have.
/// `default_host`: of names without a registry.
Result<oci::Reference> ParseCacheFrom(std::string_view text, std::string_view default_host);
Result<builder::CacheTarget> ParseCacheTo(std::string_view text, std::string_view default_host);

}  // namespace slipway::task
