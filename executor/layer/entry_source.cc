#include "executor/layer/entry_source.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "executor/base/fs.h"

namespace slipway::layer {

Result<UniqueFd> OpenRegularIn(const UniqueFd& folder, const std::string& path) {
  SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd there, fs::OpenBeneath(folder.get(), path, O_PATH | O_NOFOLLOW));
  struct stat st {};
  if (::fstat(there.get(), &st) != 0) return ErrnoStatus(errno, fmt::format("stat '/{}'", path));
  if (!S_ISREG(st.st_mode)) return InvalidArgument("'/{}' is not a regular file in the folder of its layer", path);
  return fs::Open(fmt::format("/proc/self/fd/{}", there.get()), O_RDONLY);
}

Result<content::Blob> OpenFileIn(const UniqueFd& folder, const tree::Entry& file) {
  SLIPWAY_ASSIGN_OR_RETURN(UniqueFd fd, OpenRegularIn(folder, file.path));
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
