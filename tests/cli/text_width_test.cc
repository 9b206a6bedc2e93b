#include "cli/text_width.h"

#include <gtest/gtest.h>

namespace slipway::cli {
namespace {

TEST(TextWidth, ControlSequencesAreTakenOut) {
  EXPECT_EQ(Harmless("\x1b[31mred\x1b[0m"), "red");
  EXPECT_EQ(Harmless("\x1b]0;title\atext"), "text");
  EXPECT_EQ(Harmless("\x1b]8;;http://x\x1b\\link"), "link");
  EXPECT_EQ(Harmless("a\x1b[2Jb\x1b[10;1Hc"), "abc");
  EXPECT_EQ(Harmless("bell\a\b\x7f"), "bell");
  EXPECT_EQ(Harmless("unfinished\x1b[3"), "unfinished");
  EXPECT_EQ(Harmless("end\x1b"), "end");
  EXPECT_EQ(Harmless("c1\xc2\x9b"
                     "31m"),
            "c131m");
}

TEST(TextWidth, CarriageReturnBeginsTheLineAnew) {
  EXPECT_EQ(Harmless("10%\r20%\r30%"), "30%");
  EXPECT_EQ(Harmless("line\r\n"), "line");
  EXPECT_EQ(Harmless("50%\r"), "50%");
}

TEST(TextWidth, TabsReachTheNextStop) { EXPECT_EQ(Harmless("ab\tc"), "ab      c"); }

TEST(TextWidth, BrokenUtf8BecomesQuestionMarks) { EXPECT_EQ(Harmless("a\xff\xc3"), "a??"); }

TEST(TextWidth, WideAndCombiningCharacters) {
  EXPECT_EQ(Columns("abc"), 3U);
  EXPECT_EQ(Columns("文件"), 4U);
  EXPECT_EQ(Columns("e\xcc\x81"), 1U);
  EXPECT_EQ(Columns("🚀"), 2U);
  EXPECT_EQ(Columns("█░✓"), 3U);
}

TEST(TextWidth, CutNeverSplitsACharacter) {
  EXPECT_EQ(Cut("文件", 3), "文");
  EXPECT_EQ(Cut("abc", 2), "ab");
  EXPECT_EQ(Cut("abc", 9), "abc");
  EXPECT_EQ(Fit("文", 4), "文  ");
  EXPECT_EQ(Fit("abc", 2), "ab");
}

}  // namespace
}  // namespace slipway::cli
