#include "cli/hidden_input.h"

#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "cli/standard_input.h"
#include "cli/terminal.h"
#include "executor/base/cleanup.h"

namespace slipway::cli {

namespace {

// One line, or what there is before the end of the input.
Result<std::string> ReadLine(int fd, uint64_t most) {
  std::string line;
  char c = 0;
  while (true) {
    const ssize_t got = ::read(fd, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(errno, "read from the terminal");
    if (got == 0 || c == '\n') return line;
    if (line.size() == most) return ResourceExhausted("what was typed is longer than {} bytes", most);
    line += c;
  }
}

}  // namespace

std::string WithoutLineEnd(std::string text) {
  const size_t end = text.find('\n');
  if (end == std::string::npos || end + 1 != text.size()) return text;
  text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

Result<std::string> ReadHidden(int fd, uint64_t most, std::string_view what) {
  termios shown{};
  if (::isatty(fd) != 1 || ::tcgetattr(fd, &shown) != 0) {
    SLIPWAY_ASSIGN_OR_RETURN(std::string text, ReadStandardInput(fd, most, what));
    return WithoutLineEnd(std::move(text));
  }
  termios hidden = shown;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  if (::tcsetattr(fd, TCSAFLUSH, &hidden) != 0)
    return ErrnoStatus(errno, "tell the terminal not to show what is typed");
  const Cleanup show([&] { ::tcsetattr(fd, TCSAFLUSH, &shown); });
  WriteText(STDERR_FILENO, fmt::format("{}: ", what));
  auto line = ReadLine(fd, most);
  WriteText(STDERR_FILENO, "\n");
  return line;
}

}  // namespace slipway::cli
