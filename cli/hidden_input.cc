#include "cli/hidden_input.h"

#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

#include "cli/standard_input.h"
#include "cli/terminal.h"

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

constexpr std::array<int, 4> kEnds = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

// What the handler works on, which is given nothing but a number. Set before the handler is, and not changed under it.
struct PromptTerminal {
  int fd = -1;
  termios shown{};
};
PromptTerminal prompt_terminal;

// The handler is the default one again when this one is called, so the signal ends the process as it returns. Calls
// only what a handler may.
void ShowTypingAndEnd(int signal) {
  ::tcsetattr(prompt_terminal.fd, TCSANOW, &prompt_terminal.shown);
  const ssize_t ignored = ::write(STDERR_FILENO, "\n", 1);  // the prompt's line has none yet
  static_cast<void>(ignored);
  ::raise(signal);
}

// While it exists, what is typed at a terminal is not shown. A signal that ends the process makes it shown again: the
// shell that follows may not do so. Only one at a time.
class HiddenTyping {
 public:
  static Result<std::unique_ptr<HiddenTyping>> Begin(int fd, const termios& shown) {
    prompt_terminal = {.fd = fd, .shown = shown};
    std::unique_ptr<HiddenTyping> out(new HiddenTyping);
    termios hidden = shown;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    if (::tcsetattr(fd, TCSAFLUSH, &hidden) != 0) {
      return ErrnoStatus(errno, "tell the terminal not to show what is typed");
    }
    return out;
  }
  ~HiddenTyping() {
    ::tcsetattr(prompt_terminal.fd, TCSAFLUSH, &prompt_terminal.shown);
    for (size_t i = 0; i < kEnds.size(); ++i) ::sigaction(kEnds[i], &before_[i], nullptr);
  }
  HiddenTyping(const HiddenTyping&) = delete;
  HiddenTyping& operator=(const HiddenTyping&) = delete;

 private:
  HiddenTyping() {
    struct sigaction show {};
    show.sa_handler = &ShowTypingAndEnd;
    show.sa_flags = static_cast<int>(SA_RESETHAND);
    // All of them: a terminal stops a process in the background that changes it, unless SIGTTOU is blocked.
    sigfillset(&show.sa_mask);
    for (size_t i = 0; i < kEnds.size(); ++i) {
      ::sigaction(kEnds[i], nullptr, &before_[i]);
      if (before_[i].sa_handler == SIG_DFL) ::sigaction(kEnds[i], &show, nullptr);
    }
  }

  std::array<struct sigaction, kEnds.size()> before_{};
};

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
  SLIPWAY_ASSIGN_OR_RETURN(const std::unique_ptr<HiddenTyping> hidden, HiddenTyping::Begin(fd, shown));
  WriteText(STDERR_FILENO, fmt::format("{}: ", what));
  auto line = ReadLine(fd, most);
  WriteText(STDERR_FILENO, "\n");
  return line;
}

}  // namespace slipway::cli
