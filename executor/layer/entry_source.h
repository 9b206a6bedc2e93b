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

/// Opens the file at `path` of a layer's folder for reading. No link is followed, and what is no regular file is not
/// even opened (INVALID_ARGUMENT): index and folder are made of one archive, but of a hostile one they may not agree,
/// and then a pipe or a device of the host can stand where the index has a file.
Result<UniqueFd> OpenRegularIn(const UniqueFd& folder, const std::string& path);

/// The content of a file of a layer's folder, opened like that.
Result<content::Blob> OpenFileIn(const UniqueFd& folder, const tree::Entry& file);

/// Entries that name their contents by digest. `content` must outlive the source.
EntrySource FromContents(std::shared_ptr<const tree::Tree> tree, content::Store& content);

/// Entries of a folder; files are opened when they are read.
Result<EntrySource> FromFolder(std::shared_ptr<const tree::Tree> tree, const std::string& folder);

}  // namespace slipway::layer
