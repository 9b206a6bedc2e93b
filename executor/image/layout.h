// An image as an OCI image layout (OCI image specification 1.1, "Image Layout"), as files that go to an OutputSink.
// With a manifest.json beside it, the same is what `docker load` and docker-archive readers take.
#pragma once

#include <string>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/status.h"
#include "executor/content/store.h"
#include "executor/image/exporter.h"
#include "executor/image/output_sink.h"
#include "executor/oci/reference.h"

namespace slipway::image {

struct LayoutOptions {
  std::vector<oci::Reference> names;  ///< each becomes an entry of index.json
  bool docker = false;                ///< with manifest.json; the image must be of one platform
};

/// All layers' blobs must be in `content`. Equal images give equal bytes: nothing has a time.
Status WriteLayout(const Context& ctx, const Documents& documents, const LayoutOptions& options,
                   content::Store& content, OutputSink& sink);

}  // namespace slipway::image
