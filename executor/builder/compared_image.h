// Images that are compared: found in a registry, or in an OCI image layout that was uploaded, with the manifest of one
// platform.
#pragma once

#include <string>
#include <variant>

#include "executor/base/context.h"
#include "executor/base/status.h"
#include "executor/builder/builder.h"
#include "executor/content/store.h"
#include "executor/image/diff.h"
#include "executor/registry/registry.h"

namespace slipway::builder {

/// Both must outlive the result; `lease` keeps what is read.
Result<image::DiffSide> FindComparedImage(const Context& ctx, const ComparedImage& which, const oci::Platform& platform,
                                          const registry::Session& session, content::Store& content,
                                          content::Lease& lease);

}  // namespace slipway::builder
