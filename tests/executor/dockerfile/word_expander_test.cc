#include "executor/dockerfile/word_expander.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace slipway::dockerfile {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Variables = std::map<std::string, std::string, std::less<>>;

EnvLookup In(const Variables& variables) {
  return [&variables](std::string_view name) -> std::optional<std::string_view> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

const Variables kVariables = {{"A", "one"},     {"E", ""},        {"F", "/usr/local/lib/x.tar.gz"},
                              {"S", "a b  c"},  {"P", "*/"},      {"D", "$0$0"},
                              {"한", "korean"}, {"L", "one\ntwo"}};

std::string Expanded(std::string_view word, const WordOptions& options = {}) {
  const auto result = ExpandWord(word, In(kVariables), options);
  return result.ok() ? result->text : "error: " + result.status().message();
}

struct WordCase {
  const char* word;
  const char* text;
};

class Word : public ::testing::TestWithParam<WordCase> {};

TEST_P(Word, Expands) { EXPECT_EQ(Expanded(GetParam().word), GetParam().text) << GetParam().word; }

INSTANTIATE_TEST_SUITE_P(Quotes, Word,
                         ::testing::Values(WordCase{"a'b'\"c\"", "abc"}, WordCase{"'$A \\'", "$A \\"},
                                           WordCase{"\"$A\"", "one"},
                                           WordCase{"\"\\$A \\\" \\\\ \\n\"", "$A \" \\ \\n"},
                                           WordCase{"\\$A\\a\\\\", "$Aa\\"}, WordCase{"a\\", "a"},
                                           WordCase{"a  b", "a  b"}, WordCase{"", ""}));

INSTANTIATE_TEST_SUITE_P(Names, Word,
                         ::testing::Values(WordCase{"$A", "one"}, WordCase{"${A}b", "oneb"}, WordCase{"$Ab", ""},
                                           WordCase{"$한.", "korean."}, WordCase{"$", "$"}, WordCase{"$.", "$."},
                                           WordCase{"$1a", "a"}, WordCase{"$@a", "a"}, WordCase{"$$A", "A"},
                                           WordCase{"$(x)", "$(x)"}));

INSTANTIATE_TEST_SUITE_P(Defaults, Word,
                         ::testing::Values(WordCase{"${U:-d}", "d"}, WordCase{"${U-d}", "d"}, WordCase{"${E:-d}", "d"},
                                           WordCase{"${E-d}", ""}, WordCase{"${A:-d}", "one"}, WordCase{"${A:+a}", "a"},
                                           WordCase{"${E:+a}", ""}, WordCase{"${E+a}", "a"}, WordCase{"${U+a}", ""},
                                           WordCase{"${U:-${E:-$A}}", "one"}, WordCase{"${U:-'q }'}", "q }"},
                                           WordCase{"${U:-\\}}", "}"}, WordCase{"${A?m}${A:?m}${E?m}", "oneone"}));

INSTANTIATE_TEST_SUITE_P(
    Patterns, Word,
    ::testing::Values(WordCase{"${F#*/}", "usr/local/lib/x.tar.gz"}, WordCase{"${F##*/}", "x.tar.gz"},
                      WordCase{"${F%.*}", "/usr/local/lib/x.tar"}, WordCase{"${F%%.*}", "/usr/local/lib/x"},
                      WordCase{"${F#x}", "/usr/local/lib/x.tar.gz"}, WordCase{"${F##$P}", "x.tar.gz"},
                      WordCase{"${A#?}", "ne"}, WordCase{"${A%?}", "on"}, WordCase{"${A#\\?}", "one"},
                      WordCase{"${A#}", "one"}, WordCase{"${A##*}", ""}, WordCase{"${A%%*}", ""},
                      WordCase{"${A#*}", "one"}, WordCase{"${U#x}", ""}, WordCase{"${L#*t}", "one\ntwo"},
                      WordCase{"${L%o*}", "one\ntw"}));

INSTANTIATE_TEST_SUITE_P(Replacements, Word,
                         ::testing::Values(WordCase{"${F/local/L}", "/usr/L/lib/x.tar.gz"},
                                           WordCase{"${F//l/L}", "/usr/LocaL/Lib/x.tar.gz"},
                                           WordCase{"${F/?ar/Z}", "/usr/local/lib/x.Z.gz"},
                                           WordCase{"${F/\\//-}", "-usr/local/lib/x.tar.gz"}, WordCase{"${A/*/}", ""},
                                           WordCase{"${A//*/x}", "x"}, WordCase{"${A//n/}", "oe"},
                                           WordCase{"${A//x*/y}", "one"}, WordCase{"${A///-}", "-o-n-e-"},
                                           WordCase{"${A//o/$D}", "oone"}, WordCase{"${A/o/$D}", "$0$0ne"},
                                           WordCase{"${U/a/b}", ""}));

struct ErrorCase {
  const char* word;
  const char* message;
};

class WordError : public ::testing::TestWithParam<ErrorCase> {};

TEST_P(WordError, SaysWhy) {
  const auto result = ExpandWord(GetParam().word, In(kVariables));
  EXPECT_EQ(result.code(), Code::kInvalidArgument);
  EXPECT_THAT(result.status().message(), HasSubstr(GetParam().message)) << GetParam().word;
  EXPECT_THAT(result.status().message(), HasSubstr(GetParam().word));
}

INSTANTIATE_TEST_SUITE_P(
    Table, WordError,
    ::testing::Values(ErrorCase{"a'b", "single quote"}, ErrorCase{"a\"b", "double quote"},
                      ErrorCase{"${A", "missing '}'"}, ErrorCase{"${", "missing '}'"},
                      ErrorCase{"${}", "bad substitution"}, ErrorCase{"${:-a}", "bad substitution"},
                      ErrorCase{"${A:x}", "modifier ':x'"}, ErrorCase{"${A:#x}", "modifier ':#'"},
                      ErrorCase{"${A=x}", "modifier '='"}, ErrorCase{"${U?}", "U: must not be unset"},
                      ErrorCase{"${E:?}", "E: must not be empty"}, ErrorCase{"${U:?give U}", "U: give U"},
                      ErrorCase{"${A:-b", "missing '}'"}, ErrorCase{"${A/b}", "missing '/'"},
                      ErrorCase{"${A/b/c", "missing '}'"}, ErrorCase{"${A#\\x}", "backslash in a pattern"}));

TEST(WordLimits, NestingIsBounded) {
  std::string word;
  for (int i = 0; i < 20000; ++i) word += "${U:-";
  EXPECT_EQ(ExpandWord(word, In(kVariables)).code(), Code::kInvalidArgument);
  std::string closed = "x";
  for (int i = 0; i < 100; ++i) closed = "${U:-" + closed + "}";
  EXPECT_EQ(Expanded(closed), "x");
}

TEST(WordLimits, ResultIsBounded) {
  const Variables variables = {{"BIG", std::string(1 << 20, 'x')}};
  std::string word;
  for (int i = 0; i < 64; ++i) word += "$BIG";
  EXPECT_EQ(ExpandWord(word, In(variables), {.split = false}).code(), Code::kResourceExhausted);
  EXPECT_EQ(ExpandWord("${BIG//x/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}", In(variables)).code(),
            Code::kResourceExhausted);
}

TEST(WordLimits, PatternWorkIsBounded) {
  const Variables variables = {{"BIG", std::string(1 << 20, 'x')}};
  EXPECT_EQ(ExpandWord("${BIG#" + std::string(1000, '*') + "y}", In(variables)).code(), Code::kResourceExhausted);
  EXPECT_EQ(ExpandWord("${BIG#*y*z}", In(variables))->text.size(), size_t{1} << 20);
}

TEST(WordSplitting, BlanksOutsideOfQuotesSplit) {
  const auto words = [](std::string_view word) { return ExpandWord(word, In(kVariables))->words; };
  EXPECT_THAT(words("x$S y"), ElementsAre("xa", "b", "c", "y"));
  EXPECT_THAT(words("\"$S\" 'p  q'r\\ s"), ElementsAre("a b  c", "p  qr s"));
  EXPECT_THAT(words("  "), IsEmpty());
  EXPECT_THAT(words("'' \"\""), IsEmpty());
  EXPECT_THAT(words("$U"), IsEmpty());
  EXPECT_THAT(words("a << b"), ElementsAre("a", "<< b"));
}

TEST(WordSplitting, WhatStandsBeforeAnOperandIsLost) {
  const auto result = ExpandWord("1${U:-80}/tcp", In(kVariables));
  EXPECT_EQ(result->text, "180/tcp");
  EXPECT_THAT(result->words, ElementsAre("80/tcp"));
}

TEST(WordVariables, AreReportedByWhetherTheyAreSet) {
  const auto result = ExpandWord("$A ${E:-x} ${U:-$V} '$Q' \\$R", In(kVariables));
  EXPECT_THAT(result->matched, ElementsAre("A", "E"));
  EXPECT_THAT(result->unmatched, ElementsAre("U", "V"));
}

TEST(WordOptions, UnsetMayStayAsWritten) {
  const WordOptions keep{.keep_unset = true};
  EXPECT_EQ(Expanded("$U ${U} ${U:-d} ${U#p} ${U/a/b} $A", keep), "$U ${U} ${U:-d} ${U#p} ${U/a/b} one");
}

TEST(WordOptions, QuotesAndEscapesMayStay) {
  EXPECT_EQ(Expanded("'a' \"b$A\" \\c", {.raw_quotes = true, .raw_escapes = true}), "'a' \"bone\" \\c");
  EXPECT_EQ(Expanded("it's \"$A\" \\$A", {.ignore_quotes = true}), "it's \"one\" $A");
}

TEST(WordOptions, BacktickEscapes) { EXPECT_EQ(Expanded("C:\\a`$A\"`\"\\\"", {.escape = U'`'}), "C:\\a$A\"\\"); }

TEST(WordExpander, GathersVariablesUntilCleared) {
  const WordExpander expander(U'\\', In(kVariables));
  EXPECT_EQ(*expander.Word("$A$U"), "one");
  EXPECT_THAT(*expander.Words("$S $V"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(expander.matched(), ElementsAre("A", "S"));
  EXPECT_THAT(expander.unmatched(), ElementsAre("U", "V"));
  expander.Clear();
  EXPECT_THAT(expander.unmatched(), IsEmpty());
}

TEST(WordExpander, BodyKeepsQuotesAndAlwaysEscapesWithABackslash) {
  const WordExpander expander(U'`', In(kVariables));
  EXPECT_EQ(*expander.Body("\"$A\" it's \\$A `$A \\n\n"), "\"one\" it's $A `one n\n");
}

}  // namespace
}  // namespace slipway::dockerfile
