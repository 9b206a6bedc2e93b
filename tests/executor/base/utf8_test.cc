#include "executor/base/utf8.h"

#include <gtest/gtest.h>

namespace slipway::utf8 {
namespace {

TEST(Utf8, DecodesOneCharacter) {
  EXPECT_EQ(Decode("a").value, U'a');
  EXPECT_EQ(Decode("é").value, U'é');
  EXPECT_EQ(Decode("한").value, U'한');
  EXPECT_EQ(Decode("👽").value, U'👽');
  EXPECT_EQ(Decode("👽").size, 4U);
  EXPECT_EQ(Decode("").size, 0U);
}

TEST(Utf8, EachInvalidByteIsOneReplacement) {
  for (const char* text :
       {"\xff", "\x80", "\xc0\xaf", "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe0\x80\x80", "\xc3("}) {
    EXPECT_EQ(Decode(text).value, kReplacement) << text;
    EXPECT_EQ(Decode(text).size, 1U);
  }
  EXPECT_EQ(Repair("a\xe2\x82z"), "a\uFFFD\uFFFDz");
}

TEST(Utf8, AppendIsTheInverse) {
  for (const char32_t rune : {U'a', U'é', U'한', U'👽'}) {
    std::string text;
    Append(rune, &text);
    EXPECT_EQ(Decode(text).value, rune);
  }
  std::string text;
  Append(0xD800, &text);
  EXPECT_EQ(text, "\uFFFD");
}

TEST(Utf8, TrimKnowsUnicodeBlanks) {
  EXPECT_EQ(Trim(" \t\u00a0a\u3000b\u2003\r\n"), "a\u3000b");
  EXPECT_EQ(Trim("\u00a0"), "");
  EXPECT_EQ(Trim("a\xa0"), "a\xa0");
  EXPECT_EQ(TrimLeft("  a "), "a ");
}

}  // namespace
}  // namespace slipway::utf8
