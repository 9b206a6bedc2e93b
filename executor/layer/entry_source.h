// Where the bytes of a layer's files are: in the content store, or in the layer's folder.
#pragma once

#include <memory>
#include <string>

#include "executor/base/status.h"
#include "executor/base/unique_fd.h"
#include "executor/content/store.h"
#include "executor/layer/assembler.h"
#include "executor/tree/entry.h"

namespace slipway::layer {

/// A file of a layer's folder, without following links.
Result<content::Blob> OpenFileIn(const UniqueFd& folder, const tree::Entry& file);

/// Entries that name their contents by digest. `content` must outlive the source.
EntrySource FromContents(std::shared_ptr<const tree::Tree> tree, content::Store& content);

/// Entries of a folder; files are opened when they are read.
Result<EntrySource> FromFolder(std::shared_ptr<const tree::Tree> tree, const std::string& folder);

}  // namespace slipway::layer
