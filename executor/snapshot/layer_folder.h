// The marks by which a layer in a folder says what it hides, and the attributes of its files; as overlayfs has them.
#pragma once

#include <sys/stat.h>

#include <string>

#include "executor/base/status.h"

namespace slipway::snapshot {

/// A character device 0:0 hides what is below it.
bool IsWhiteout(const struct stat& st);
Status MakeWhiteout(const std::string& path);

/// An opaque folder hides what is in it below.
bool IsOpaque(const std::string& folder);
Status MakeOpaque(const std::string& folder);

/// Copies the extended attributes but overlayfs's own. What the other file system cannot hold is left out.
Status CopyXattrs(const std::string& from, const std::string& to);

}  // namespace slipway::snapshot
