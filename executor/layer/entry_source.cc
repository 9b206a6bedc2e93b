#include "executor/layer/entry_source.h"

#include <fcntl.h>

#include "executor/base/fs.h"

namespace slipway::layer {

Result<content::Blob> OpenFileIn(const UniqueFd& folder, const tree::Entry& file) {
  SLIPWAY_ASSIGN_OR_RETURN(UniqueFd fd, fs::OpenBeneath(folder.get(), file.path, O_RDONLY | O_NOFOLLOW));
  return content::Blob(std::make_shared<const UniqueFd>(std::move(fd)), 0, file.size);
}

EntrySource FromContents(std::shared_ptr<const tree::Tree> tree, content::Store& content) {
  return {.tree = std::move(tree), .open = [&content](const tree::Entry& entry) { return content.Open(entry.digest); }};
}

Result<EntrySource> FromFolder(std::shared_ptr<const tree::Tree> tree, const std::string& folder) {
  SLIPWAY_ASSIGN_OR_RETURN(UniqueFd root, fs::Open(folder, O_RDONLY | O_DIRECTORY));
  const auto shared = std::make_shared<const UniqueFd>(std::move(root));
  return EntrySource{.tree = std::move(tree),
                     .open = [shared](const tree::Entry& entry) { return OpenFileIn(*shared, entry); }};
}

}  // namespace slipway::layer
