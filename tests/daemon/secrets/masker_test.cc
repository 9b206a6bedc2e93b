#include "daemon/secrets/masker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "executor/base/base64.h"

namespace slipway::secrets {
namespace {

std::shared_ptr<const Masker> Make(std::vector<std::string> values) {
  return std::make_shared<const Masker>(std::move(values));
}

TEST(Masker, ReplacesEveryOccurrence) {
  const Masker masker({"hunter2", "tok"});
  EXPECT_EQ(masker.Mask("a hunter2 b tokhunter2"), "a *** b ******");
  EXPECT_EQ(masker.Mask("nothing"), "nothing");
  EXPECT_EQ(masker.Mask("hunter"), "hunter");
}

TEST(Masker, TheLongestValueWins) { EXPECT_EQ(Masker({"abc", "abcdef", "b"}).Mask("abcdefabc-b"), "******-***"); }

TEST(Masker, EmptyValuesHideNothing) {
  const Masker masker({"", ""});
  EXPECT_TRUE(masker.empty());
  EXPECT_EQ(masker.Mask("abc"), "abc");
}

TEST(Masker, HidesTheFormsInWhichAValueIsShown) {
  const Masker masker({"-----BEGIN KEY-----\nMIIEvQIBADANBg\nxyz\n-----END KEY-----\n"});
  EXPECT_EQ(masker.Mask("1: -----BEGIN KEY-----\r\n2: MIIEvQIBADANBg\n3: xyz"), "1: ***\r\n2: ***\n3: xyz");
  EXPECT_EQ(Masker({"hunter2\n"}).Mask("got hunter2."), "got ***.");
  EXPECT_EQ(Masker({"hunter2"}).Mask("aHVudGVyMg== is it"), "*** is it");
}

TEST(Masker, HidesBase64OfWhatEchoWrites) {
  EXPECT_EQ(Masker({"abcdefgh"}).Mask("YWJjZGVmZ2gK\n"), "***\n");
  EXPECT_EQ(Masker({"abcdefgh\n"}).Mask("YWJjZGVmZ2g= YWJjZGVmZ2gK"), "*** ***");
  EXPECT_EQ(Masker({"abcdefgh"}).Mask("YWJjZGVmZ2g;"), "***;") << "without padding";
}

TEST(Masker, HidesTheWholeGroupsOfBase64WhateverFollows) {
  EXPECT_EQ(Masker({"hunter2"}).Mask("aHVudGVyMjsgcm0="), "***Mjsgcm0=");
  EXPECT_EQ(Masker({"abcd"}).Mask("YWJj"), "YWJj") << "so short a beginning may stand anywhere";
}

TEST(Masker, HidesBase64InTheAlphabetForUrls) {
  const std::string value = "\xfb\xff\xfe\xfb\xff\xfe\xfb";
  EXPECT_EQ(Masker({value}).Mask("+//++//++w== -__--__--w"), "*** ***");
}

TEST(Masker, HidesBase64InLines) {
  std::string value;
  for (int i = 0; i < 200; ++i) value += static_cast<char>('a' + i % 23);
  for (const size_t size : {58U, 60U, 100U, 115U, 200U}) {
    const std::string text = value.substr(0, size);
    const Masker masker({text});
    for (const size_t columns : {64U, 76U}) {
      for (const std::string_view line_end : {"", "\n"}) {
        const std::string encoded = Base64Encode(text + std::string(line_end));
        std::string shown;
        for (size_t at = 0; at < encoded.size(); at += columns) shown += encoded.substr(at, columns) + "\n";
        EXPECT_EQ(masker.Mask(shown).find_first_not_of("*\n"), std::string::npos) << size << " " << columns;
      }
    }
  }
}

// What is to come out, found the plain way. For values too short to have forms.
std::string MaskPlainly(const std::vector<std::string>& values, std::string_view text) {
  std::string out;
  while (!text.empty()) {
    size_t longest = 0;
    for (const std::string& value : values) {
      if (text.starts_with(value)) longest = std::max(longest, value.size());
    }
    out += longest > 0 ? "***" : text.substr(0, 1);
    text.remove_prefix(std::max<size_t>(longest, 1));
  }
  return out;
}

std::string Letters(std::minstd_rand& random, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += static_cast<char>('a' + random() % 2);
  return out;
}

TEST(Masker, FindsTheLongestOfValuesThatBeginAlike) {
  std::minstd_rand random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> values;
    for (int i = 0; i < 8; ++i) values.push_back(Letters(random, 2 + random() % 9));
    const std::string text = Letters(random, 200);
    const auto masker = Make(values);
    const std::string masked = MaskPlainly(values, text);
    EXPECT_EQ(masker->Mask(text), masked) << round;
    MaskStream stream(masker);
    std::string out;
    for (size_t at = 0; at < text.size();) {
      const size_t piece = 1 + random() % 7;
      out += stream.Feed(text.substr(at, piece));
      at += piece;
    }
    EXPECT_EQ(out + stream.Finish(), masked) << round;
  }
}

TEST(Masker, HidesEachOfThousandsOfLines) {
  std::string bundle;
  for (int i = 0; i < 4000; ++i) bundle += "    line " + std::to_string(i * 7919) + "\n";
  const auto masker = Make({bundle});
  MaskStream stream(masker);
  std::string out;
  for (int i = 0; i < 4000; ++i) out += stream.Feed("x    line " + std::to_string(i * 7919) + ";y\n");
  out += stream.Finish();
  std::string wanted;
  for (int i = 0; i < 4000; ++i) wanted += "x***;y\n";
  EXPECT_EQ(out, wanted);
}

TEST(Masker, FormsAreNotAmongTheValues) {
  const Masker masker({"hunter2\n"});
  EXPECT_EQ(masker.values(), std::vector<std::string>{"hunter2\n"}) << "whoever adds to them hides no forms of forms";
}

TEST(MaskStream, FindsAValueInPieces) {
  const std::string text = "x hunter2 y hunhunter2 z";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    for (size_t cut2 = cut; cut2 <= text.size(); ++cut2) {
      MaskStream stream(Make({"hunter2"}));
      std::string out = stream.Feed(text.substr(0, cut));
      out += stream.Feed(text.substr(cut, cut2 - cut));
      out += stream.Feed(text.substr(cut2));
      out += stream.Finish();
      EXPECT_EQ(out, "x *** y hun*** z") << cut << " " << cut2;
    }
  }
}

TEST(MaskStream, HoldsBackOnlyWhatMayBecomeAValue) {
  MaskStream stream(Make({"hunter2"}));
  EXPECT_EQ(stream.Feed("password: hun"), "password: ");
  EXPECT_EQ(stream.Feed("gry\n"), "hungry\n");
  EXPECT_EQ(stream.Finish(), "");
}

TEST(MaskStream, AShorterValueWaitsForALongerOne) {
  MaskStream stream(Make({"ab", "abc"}));
  EXPECT_EQ(stream.Feed("ab"), "");
  EXPECT_EQ(stream.Feed("d"), "***d");
  EXPECT_EQ(stream.Feed("ab"), "");
  EXPECT_EQ(stream.Finish(), "***");
}

TEST(MaskStream, ValuesOfSeveralLinesAreFound) {
  MaskStream stream(Make({"line1\nline2"}));
  std::string out = stream.Feed("a line1\n");
  out += stream.Feed("line2 b\n");
  EXPECT_EQ(out + stream.Finish(), "a *** b\n");
}

}  // namespace
}  // namespace slipway::secrets
