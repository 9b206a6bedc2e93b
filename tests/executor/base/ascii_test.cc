#include "executor/base/ascii.h"

#include <gtest/gtest.h>

namespace slipway {
namespace {

TEST(Ascii, ChangesLettersOfAsciiOnly) {
  EXPECT_EQ(LowerAscii("AZ az 09 @[`{"), "az az 09 @[`{");
  EXPECT_EQ(UpperAscii("AZ az 09 @[`{"), "AZ AZ 09 @[`{");
}

TEST(Ascii, LeavesOtherBytes) {
  EXPECT_EQ(LowerAscii("\xC3\x89T\xC3\x89"), "\xC3\x89t\xC3\x89");
  EXPECT_EQ(LowerAscii(std::string_view("A\0B", 3)), std::string("a\0b", 3));
}

static_assert(LowerAscii('Q') == 'q' && UpperAscii('q') == 'Q');

}  // namespace
}  // namespace slipway
