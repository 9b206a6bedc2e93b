// Sends a packed context to the daemon: its manifest, then the contents that the daemon lacks.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "cli/connection.h"
#include "cli/context_packer.h"
#include "executor/base/context.h"
#include "executor/base/status.h"

namespace slipway::cli {

/// How far an upload has come; may be read while it works.
struct UploadProgress {
  std::atomic<uint64_t> files = 0;        ///< sent
  std::atomic<uint64_t> files_total = 0;  ///< to be sent; 0 until the daemon has said what it lacks
  std::atomic<uint64_t> bytes = 0;
  std::atomic<uint64_t> bytes_total = 0;
};

/// The location of the uploaded context, for DockerBuildRequest.source_location. ABORTED if a file changed meanwhile,
/// RESOURCE_EXHAUSTED if the context is larger than the daemon takes. Waits, up to ten minutes, while the daemon is
/// busy with the uploads of others.
Result<std::string> UploadContext(const Context& ctx, Connection& connection, const ContextPacker& packed,
                                  UploadProgress* progress);

}  // namespace slipway::cli
