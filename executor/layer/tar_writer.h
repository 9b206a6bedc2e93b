// Tar headers for entries: POSIX pax with ustar wherever an entry fits, as Go's archive/tar and GNU tar read it.
//
// The bytes depend on the entry alone. Times are whole seconds, as containerd and BuildKit write them: parts of a
// second would cost a pax header for every file and would differ from what other builders push.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "executor/base/status.h"
#include "executor/tree/entry.h"

namespace slipway::layer {

struct TarOptions {
  std::optional<int64_t> clamp_mtime;  ///< later times become this one
  /// Other builders put no attributes but file capabilities into layers, so neither do we unless asked.
  bool all_xattrs = false;
};

/// Appends the header blocks of `entry` to `out`; of a file, its content and TarPadding() must follow. A whiteout
/// becomes its marker file, an opaque directory is followed by its marker. INVALID_ARGUMENT for what tar cannot say (a
/// socket, a device number of more than 21 bits).
Status AppendTarHeader(const tree::Entry& entry, const TarOptions& options, std::string& out);

/// Zero bytes after a content of this size.
std::string_view TarPadding(uint64_t size);
/// The two zero blocks at the end.
std::string_view TarTrailer();

}  // namespace slipway::layer
