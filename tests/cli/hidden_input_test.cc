// Prompts of the program at a terminal of the test's.
#include "cli/hidden_input.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>

#include "tests/cli/program.h"

namespace slipway::cli {
namespace {

TEST(WithoutLineEnd, IsForTextsOfOneLine) {
  EXPECT_EQ(WithoutLineEnd("a\r\n"), "a");
  EXPECT_EQ(WithoutLineEnd("a\nb\n"), "a\nb\n");
}

class HiddenInputTest : public Program {
 protected:
  void SetUp() override {
    terminal_ = UniqueFd(::posix_openpt(O_RDWR | O_NOCTTY));
    ASSERT_TRUE(terminal_.valid() && ::grantpt(terminal_.get()) == 0 && ::unlockpt(terminal_.get()) == 0);
    auto side = fs::Open(::ptsname(terminal_.get()), O_RDWR | O_NOCTTY);
    ASSERT_TRUE(side.ok()) << side.status().message();
    side_ = *std::move(side);
    ASSERT_TRUE(ShowsTyping());
  }

  bool ShowsTyping() const {
    termios now{};
    EXPECT_EQ(::tcgetattr(side_.get(), &now), 0);
    return (now.c_lflag & ECHO) != 0;
  }
  // Starts a command that asks for a value, and waits for its question.
  void Ask() {
    auto child = ChildProcess::Spawn({.argv = {SLIPWAY_PROGRAM, "secret", "set", "token"},
                                      .env = Environment(),
                                      .stdin_fd = side_.get(),
                                      .stdout_fd = side_.get(),
                                      .stderr_fd = side_.get()});
    ASSERT_TRUE(child.ok()) << child.status().message();
    child_ = *std::move(child);
    std::string shown;
    while (shown.find("value of 'token': ") == std::string::npos) {
      pollfd more{.fd = terminal_.get(), .events = POLLIN, .revents = 0};
      ASSERT_EQ(::poll(&more, 1, 30'000), 1) << shown;
      char c = 0;
      ASSERT_EQ(::read(terminal_.get(), &c, 1), 1) << shown;
      shown += c;
    }
  }
  ExitStatus Wait() {
    const auto exit = child_.Wait(Context::Background().WithTimeout(std::chrono::seconds(30), "the program"));
    EXPECT_TRUE(exit.ok()) << exit.status().message();
    return exit.ok() ? *exit : ExitStatus();
  }

  UniqueFd terminal_;
  UniqueFd side_;  // the program's
  ChildProcess child_;
};

TEST_F(HiddenInputTest, SignalsLeaveATerminalThatShowsWhatIsTyped) {
  for (const int signal : {SIGINT, SIGTERM}) {
    Ask();
    if (HasFatalFailure()) return;
    EXPECT_FALSE(ShowsTyping());
    ASSERT_EQ(::kill(child_.pid(), signal), 0);
    EXPECT_EQ(Wait().signal, signal) << "as if there were no handler";
    EXPECT_TRUE(ShowsTyping());
  }
}

}  // namespace
}  // namespace slipway::cli
