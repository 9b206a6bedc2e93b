#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "executor/base/fs.h"

namespace slipway::cli {

bool IsLiveTerminal(int fd) {
  const char* term = std::getenv("TERM");
  return ::isatty(fd) == 1 && term != nullptr && *term != '\0' && std::string_view(term) != "dumb";
}

TtyStyle StyleFromEnvironment() {
  const char* no_color = std::getenv("NO_COLOR");
  TtyStyle style{.color = no_color == nullptr || *no_color == '\0', .unicode = false};
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string_view locale = value;
    style.unicode = locale.find("UTF-8") != std::string_view::npos || locale.find("utf8") != std::string_view::npos;
    break;
  }
  return style;
}

TtySize SizeOf(int fd) {
  winsize size{};
  TtySize result;
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0) return result;
  if (size.ws_col > 0) result.columns = size.ws_col;
  if (size.ws_row > 0) result.rows = size.ws_row;
  return result;
}

void WriteText(int fd, std::string_view text) { fs::WriteAll(fd, text).Ignore(); }

}  // namespace slipway::cli
