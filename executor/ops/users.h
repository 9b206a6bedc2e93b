// Users: names to numbers, by an image's passwd and group files.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"

namespace slipway::ops {

struct Ids {
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> additional_gids;
};

/// Gives the text of a file of the image ("etc/passwd"); NOT_FOUND if there is none.
using ReadImageFile = std::function<Result<std::string>(const std::string& path)>;
/// That of an image whose root is mounted at `root`; links are followed inside it.
ReadImageFile ImageFilesIn(const std::string& root);

/// "user[:group]" as USER has it: names or numbers; "" is root. The files are read only if something must be looked up
/// there. A user's primary group and the groups that list it apply where no group is given; the group itself is among
/// the additional ones, as BuildKit has it, unless `spec` is empty. INVALID_ARGUMENT if a name is unknown.
Result<Ids> ResolveUser(std::string_view spec, const ReadImageFile& read);

/// Owner of copied files: as COPY --chown has it. A number without a group is its own group.
Result<Ids> ResolveOwner(std::string_view user, std::string_view group, const ReadImageFile& read);

/// The home folder of a user id, "/" if it is not known.
std::string HomeOf(uint32_t uid, const ReadImageFile& read);

}  // namespace slipway::ops
