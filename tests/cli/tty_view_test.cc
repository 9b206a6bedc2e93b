#include "cli/tty_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/text_width.h"
#include "tests/cli/events.h"
#include "tests/cli/fake_terminal.h"

namespace slipway::cli {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

const std::string kDigest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

// A build on a fake screen: events go in, the screen is looked at.
class TtyViewTest : public ::testing::Test {
 protected:
  void Apply(const v1::RunEvent& event) { model_.Apply(event, now_); }
  std::string Draw() {
    const auto permanent = view_.Permanent(model_.TakeReports(), size_.columns);
    const auto live = view_.Live(model_, activity_, now_, size_);
    EXPECT_LT(live.size(), size_.rows);
    for (const std::string& line : live) EXPECT_LT(Columns(Harmless(line)), size_.columns) << line;
    written_ = region_.Update(permanent, live, size_.columns);
    terminal_.Write(written_);
    EXPECT_FALSE(terminal_.cursor_hidden());
    return terminal_.Screen();
  }
  std::string End() {
    terminal_.Write(region_.Update(view_.Permanent(model_.TakeReports(), size_.columns), {}, size_.columns));
    return terminal_.Screen();
  }

  TtySize size_{.columns = 60, .rows = 12};
  ProgressModel::TimePoint now_{};
  TtyView view_{{.color = false, .unicode = false}, now_};
  ProgressModel model_;
  LiveRegion region_;
  std::optional<Activity> activity_;
  FakeTerminal terminal_{60};
  std::string written_;
};

TEST_F(TtyViewTest, ShowsRunningStepsAndKeepsFinishedOnes) {
  view_.SetTitle("Building ca1");
  Apply(Started(100, "from", "[1/3] FROM alpine"));
  Apply(Cached("from"));
  Apply(Finished(100, "from"));
  Apply(Started(100, "make", "[2/3] RUN make"));
  Apply(Printed("make", "cc -c main.c\ncc -c util.c\n"));
  Apply(Counted("make", "download " + kDigest, 12'100'000, 40'200'000));
  now_ += 2100ms;
  EXPECT_EQ(Draw(),
            "+ [1/3] FROM alpine                                  cached\n"
            "Building ca1  2.1s  1 step done (1 cached), 1 running\n"
            "> [2/3] RUN make                                       2.1s\n"
            "    download sha256:0123456789ab  #-----  12.1 MB / 40.2 MB\n"
            "    cc -c main.c\n"
            "    cc -c util.c\n");
  Apply(Finished(103, "make"));
  now_ += 1s;
  EXPECT_EQ(Draw(),
            "+ [1/3] FROM alpine                                  cached\n"
            "+ [2/3] RUN make                                       3.0s\n"
            "Building ca1  3.1s  2 steps done (1 cached)\n");
  EXPECT_EQ(End(),
            "+ [1/3] FROM alpine                                  cached\n"
            "+ [2/3] RUN make                                       3.0s\n");
}

TEST_F(TtyViewTest, FailedStepLeavesItsOutputAndItsError) {
  Apply(Started(1, "a", "[2/2] RUN false"));
  Apply(Printed("a", "first\nsecond, a line that is longer than the screen is wide and is kept whole\nlast"));
  Apply(Finished(2, "a", 9, "exit code 1\n  > 2 | RUN false"));
  EXPECT_EQ(Draw(),
            "x [2/2] RUN false                                      1.0s\n"
            "    first\n"
            "    second, a line that is longer than the screen is wide an\n"
            "d is kept whole\n"
            "    last\n"
            "  exit code 1\n"
            "    > 2 | RUN false\n");
}

TEST_F(TtyViewTest, WarningsAreToldOnce) {
  Apply(Event("warning { text: 'LegacyKeyValueFormat: line 3' detail: 'write ENV a=b' }"));
  EXPECT_EQ(Draw(), "warning: LegacyKeyValueFormat: line 3\n  write ENV a=b\n");
  EXPECT_EQ(Draw(), "warning: LegacyKeyValueFormat: line 3\n  write ENV a=b\n");
}

TEST_F(TtyViewTest, ActivityOfTheClientHasABar) {
  activity_ =
      Activity{.what = "Sending context", .unit = "", .current = 5'000'000, .total = 10'000'000, .extra = "7 files"};
  EXPECT_EQ(Draw(), "Sending context  #######--------  5.0 MB / 10.0 MB  7 files\n");
  activity_ = Activity{.what = "Reading context", .unit = "files", .current = 12, .total = 0, .extra = "1 MB"};
  EXPECT_EQ(Draw(), "Reading context  12 files  1 MB\n");
}

TEST_F(TtyViewTest, WritesNothingIfNothingChanged) {
  view_.SetTitle("Building ca1");
  Apply(Started(1, "a", "A"));
  Draw();
  Draw();
  EXPECT_EQ(written_, "");
}

TEST_F(TtyViewTest, WritesOnlyLinesThatChanged) {
  view_.SetTitle("Building ca1");
  Apply(Started(1, "a", "A step with an unmistakable name"));
  Apply(Printed("a", "one\n"));
  Draw();
  Apply(Printed("a", "two\n"));
  Draw();
  EXPECT_THAT(written_, ::testing::Not(HasSubstr("unmistakable")));
  EXPECT_EQ(written_, "\x1b[?25l\r    two\x1b[K\n\x1b[?25h");
}

TEST_F(TtyViewTest, ManyStepsShareTheScreen) {
  view_.SetTitle("Building ca1");
  for (int i = 0; i < 40; ++i) {
    const std::string id = std::to_string(i);
    Apply(Started(1, id, "step " + id));
    Apply(Printed(id, "output of " + id + "\n"));
  }
  const std::string screen = Draw();
  EXPECT_THAT(screen, HasSubstr("> step 8 "));
  EXPECT_THAT(screen, HasSubstr("  and 31 more\n"));
  EXPECT_EQ(std::count(screen.begin(), screen.end(), '\n'), 11);
}

TEST_F(TtyViewTest, TalkativeStepLeavesRoomForOthers) {
  size_.rows = 8;
  for (const char* id : {"a", "b"}) {
    Apply(Started(1, id, id));
    for (int i = 0; i < 30; ++i) Apply(Printed(id, std::string(id) + std::to_string(i) + "\n"));
  }
  const std::string screen = Draw();
  EXPECT_THAT(screen, HasSubstr("    a29\n"));
  EXPECT_THAT(screen, HasSubstr("    b29\n"));
}

TEST_F(TtyViewTest, NarrowerTerminalIsDrawnAnewWithoutRemains) {
  view_.SetTitle("Building ca1");
  Apply(Started(1, "a", "A step whose name fills most of the line that it stands in"));
  Draw();
  // The terminal breaks the line of 59 columns into two of at most 30 when it becomes narrower.
  FakeTerminal narrow(30);
  narrow.Write(std::string("Building ca1  0ms  0 steps done, 1 running\n") +
               "> A step whose name fills most of the line that it sta 0ms\n");
  size_.columns = 30;
  narrow.Write(region_.Update({}, view_.Live(model_, activity_, now_, size_), size_.columns));
  EXPECT_EQ(narrow.Screen(),
            "Building ca1  0ms  0 steps do\n"
            "> A step whose name fills 0ms\n");
}

TEST_F(TtyViewTest, TinyTerminalIsNoTrouble) {
  for (size_t columns = 1; columns < 12; ++columns) {
    for (size_t rows = 1; rows < 5; ++rows) {
      view_.SetTitle("Building ca1");
      Apply(Started(1, std::to_string(columns * 100 + rows), "name"));
      const auto live = view_.Live(model_, activity_, now_, {.columns = columns, .rows = rows});
      EXPECT_LE(live.size(), std::max<size_t>(rows, 2) - 1);
    }
  }
}

TEST_F(TtyViewTest, NamesFromABuildHaveNoPowerOverTheTerminal) {
  Apply(Started(1, "a", "RUN echo \x1b[2J\x1b[31m"));
  EXPECT_EQ(Draw(), "> RUN echo                                              0ms\n");
}

TEST_F(TtyViewTest, ColorAndUnicodeWhereTheyAreWanted) {
  const TtyView colorful({.color = true, .unicode = true}, now_);
  Apply(Started(1, "a", "A"));
  Apply(Finished(1, "a"));
  Apply(Started(1, "b", "B"));
  Apply(Cached("b"));
  Apply(Finished(1, "b"));
  const auto lines = colorful.Permanent(model_.TakeReports(), 20);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0], "\x1b[32m✓\x1b[0m A             0ms");
  EXPECT_EQ(lines[1], "\x1b[32m✓\x1b[0m B          \x1b[2mcached\x1b[0m");
}

}  // namespace
}  // namespace slipway::cli
