// What the process is connected to: terminals, their size, what they can show; and writing to descriptors.
#pragma once

#include <string_view>

#include "cli/tty_view.h"

namespace slipway::cli {

/// True if `fd` is a terminal that understands cursor movements.
bool IsLiveTerminal(int fd);
/// Colour unless NO_COLOR is set; Unicode if the locale's character set is UTF-8.
TtyStyle StyleFromEnvironment();
/// Asks each time, so a change of size is seen. 80x24 where it is not known.
TtySize SizeOf(int fd);
/// Writes all of it; a failure (the reader is gone) is not reported, as there is nobody left to tell.
void WriteText(int fd, std::string_view text);

}  // namespace slipway::cli
