// SourceLocation: what kind of build context a word on the command line names. The rules for remote ones are those of
// ACR Tasks with ssh:// and file:// added; a folder that exists always wins.
#pragma once

#include <string>
#include <string_view>

#include "executor/base/status.h"

namespace slipway::cli {

enum class SourceKind {
  kNone,    ///< "/dev/null"
  kStdin,   ///< "-": a Dockerfile is read from standard input
  kFolder,  ///< a local folder, packed and uploaded
  kRemote,  ///< a git remote, a tarball or an artifact, fetched by the daemon
};

struct SourceLocation {
  SourceKind kind = SourceKind::kNone;
  std::string text;  ///< of kFolder the path as given; of kRemote what the daemon is told
};

/// INVALID_ARGUMENT or NOT_FOUND if it is nothing that can be built from.
Result<SourceLocation> ClassifySource(std::string_view text);

}  // namespace slipway::cli
