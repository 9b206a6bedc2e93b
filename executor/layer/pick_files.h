// Reading a few files of a layer where it is, without unpacking it.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "executor/base/context.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/layer/archive.h"
#include "executor/layer/store.h"

namespace slipway::layer {

/// Called with a file's path and its whole content.
using FileVisitor = std::function<Status(const std::string& path, std::string content)>;

/// Reads a layer blob once and hands on the contents of those of the `wanted` files (clean paths) that it has, in the
/// blob's order; one that it names twice comes twice. Files larger than `max_file_bytes` are passed over. Nothing is
/// kept.
Status PickFiles(const Context& ctx, const ByteSource& source, const std::set<std::string>& wanted,
                 uint64_t max_file_bytes, const ArchiveLimits& limits, const FileVisitor& visit);

/// The same for layer `chain[position]` in whatever form it is: what a copy or a container made is read where it lies,
/// a registry's layer from its blob, which is downloaded if it is not here.
Status ReadFiles(const Context& ctx, Store& store, const Chain& chain, size_t position,
                 const std::set<std::string>& wanted, uint64_t max_file_bytes, const FileVisitor& visit,
                 const VertexProgress& progress);

}  // namespace slipway::layer
