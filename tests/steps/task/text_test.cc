// Comments, version, the alias block, marks, shell words: what works on text.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "steps/task/alias.h"
#include "steps/task/comments.h"
#include "steps/task/shell_words.h"
#include "steps/task/source_map.h"

namespace slipway::task {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

SourceLines Lines(std::string_view text) { return *SplitLines("t", text, 1 << 20); }
std::string Stripped(std::string_view text) { return JoinLines(WithoutComments(Lines(text))); }

TEST(Comments, LinesThatBeginWithAHashGo) {
  EXPECT_EQ(Stripped("# a\nsteps:\n  # b {{ .Values.x.y }}\n  - cmd: a # stays\n\t# c\n"),
            "steps:\n  - cmd: a # stays\n");
}

TEST(Comments, InALiteralBlockTheyAreContent) {
  const std::string text =
      "steps:\n  - cmd: |\n      bash -c '\n      #!/bin/sh\n      # comment\n      echo'\n    # gone\n    id: a\n";
  EXPECT_EQ(Stripped(text),
            "steps:\n  - cmd: |\n      bash -c '\n      #!/bin/sh\n      # comment\n      echo'\n    id: a\n");
  EXPECT_EQ(Stripped("- |\n  a\n  # in\n- b\n# out\n"), "- |\n  a\n  # in\n- b\n");
  EXPECT_EQ(Stripped("a: &x !!str |2- # why\n  # in\nb: c\n"), "a: &x !!str |2- # why\n  # in\nb: c\n");
}

TEST(Comments, InAFoldedBlockTheyGo) { EXPECT_EQ(Stripped("cmd: >\n  a\n  # b\n  c\n"), "cmd: >\n  a\n  c\n"); }

TEST(Comments, ABlockGoesOnBehindOneThatIsLessIndented) {
  EXPECT_EQ(Stripped("cmd: |\n  a\n# out\n  # in\n"), "cmd: |\n  a\n  # in\n");
  EXPECT_EQ(Stripped("cmd: |\n  a\n{{ if x }}\n  # in\n"), "cmd: |\n  a\n{{ if x }}\n  # in\n");
}

TEST(Version, IsReadFromTheText) {
  EXPECT_EQ(RawVersion(Lines("steps:\nversion: v1.1.0\n")), "v1.1.0");
  EXPECT_EQ(RawVersion(Lines("version: 'v1.1.0'\n")), "v1.1.0");
  EXPECT_EQ(RawVersion(Lines("\"version\": v1.1.0\n")), "v1.1.0");
  EXPECT_EQ(RawVersion(Lines("version: v1.1.0 # note\n")), "v1.1.0 # note");
  EXPECT_EQ(RawVersion(Lines(" version: v1.1.0\n")), "");
  EXPECT_EQ(RawVersion(Lines("versions: 1\nversion : v1.0.0\n")), "v1.0.0");
}

TEST(AliasBlock, IsTakenOutWhereverItStands) {
  const AliasSplit split = SplitAlias(Lines("version: v1.1.0\nalias :\n  values:\n    a: b\n\nsteps:\n  - cmd: x\n"));
  EXPECT_EQ(JoinLines(split.alias), "alias :\n  values:\n    a: b\n\n");
  EXPECT_EQ(JoinLines(split.rest), "version: v1.1.0\nsteps:\n  - cmd: x\n");
  EXPECT_THAT(SplitAlias(Lines("  alias: {}\n")).alias, IsEmpty());
  EXPECT_EQ(JoinLines(SplitAlias(Lines("alias: {values: {a: b}}\nsteps: []\n")).alias), "alias: {values: {a: b}}\n");
}

std::string Replaced(std::string_view text, std::string directive = "$") {
  Aliases aliases{.values = GlobalAliases(), .directive = std::move(directive), .warnings = {}};
  aliases.values["foo"] = "bar";
  return *Substitute(text, aliases, 1 << 20);
}

TEST(Substitution, FollowsTheMachineExactly) {
  EXPECT_EQ(Replaced("$foo"), "bar");
  EXPECT_EQ(Replaced("$foo$ID"), "bar{{.Run.ID}}");
  EXPECT_EQ(Replaced("$foo_x $foo-x $foo/x"), "bar_x bar-x bar/x");
  EXPECT_EQ(Replaced("$foox"), "$foox");
  EXPECT_EQ(Replaced("$x$ID"), "$x$ID");
  EXPECT_EQ(Replaced("$$ID"), "$ID");
  EXPECT_EQ(Replaced("$$$ID"), "${{.Run.ID}}");
  EXPECT_EQ(Replaced("${foo} $- $ x $"), "${foo} $- $ x $");
  EXPECT_EQ(Replaced("%foo $ID %ID 100%% 50% off", "%"), "bar $ID {{.Run.ID}} 100% 50% off");
  EXPECT_EQ(Replaced("🐳foo🐳ID $ID", "🐳"), "bar{{.Run.ID}} $ID");
  EXPECT_EQ(Replaced("a\n"), "a\n");
}

TEST(Substitution, IsBounded) {
  Aliases aliases;
  aliases.values["a"] = std::string(1000, 'x');
  std::string text;
  for (int i = 0; i < 100; ++i) text += "$a ";
  EXPECT_EQ(Substitute(text, aliases, 5000).code(), Code::kResourceExhausted);
}

Result<Aliases> Read(const std::string& text) {
  const AliasLoader load = [](const Context&, const std::string& source) -> Result<std::string> {
    if (source == "first.yaml") return std::string("a: 1\nb: first\nID: mine\n");
    if (source == "second.yaml") return std::string("b: second\nc: true\n");
    if (source == "bad.yaml") return std::string("a-b: 1\n");
    return NotFound("there is no such file");
  };
  SourceMap map;
  const std::string plain = map.Unmark(Mark(Lines(text)));
  return ReadAliases(Context::Background(), "acb.yaml", plain, map, load);
}

TEST(Aliases, OwnValuesGoBeforeLaterSourcesAndThoseBeforeEarlierOnes) {
  const Result<Aliases> read =
      Read("alias:\n  src: [first.yaml, second.yaml]\n  values: {c: own, d: ~}\n  directive: '%'\n");
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(read->values.at("a"), "1");
  EXPECT_EQ(read->values.at("b"), "second");
  EXPECT_EQ(read->values.at("c"), "own");
  EXPECT_EQ(read->values.at("d"), "");
  EXPECT_EQ(read->values.at("ID"), "mine");
  EXPECT_EQ(read->values.at("Registry"), "{{.Run.Registry}}");
  EXPECT_EQ(read->directive, "%");
}

TEST(Aliases, WhatIsWrongHasItsPlace) {
  EXPECT_EQ(Read("alias:\n  values:\n    a-b: c\n").status().message(),
            "acb.yaml:3:5: the alias the value 'a-b' has a name that is not of letters and digits alone");
  EXPECT_EQ(Read("alias:\n  values:\n    a: [b]\n").status().message(),
            "acb.yaml:3:8: the alias 'a' is a list; it must be a text");
  EXPECT_EQ(Read("alias:\n  directive: ab\n").status().message(),
            "acb.yaml:2:14: the directive is the value 'ab'; it must be one character");
  EXPECT_EQ(Read("alias:\n  directive: a\n").status().message(),
            "acb.yaml:2:14: the directive 'a' is a letter or digit");
  EXPECT_EQ(Read("alias:\n  src: [no.yaml]\n").status().message(),
            "acb.yaml:2:9: read aliases from 'no.yaml': there is no such file");
  EXPECT_EQ(Read("alias:\n  src: [bad.yaml]\n").status().message(),
            "bad.yaml:1:1: the alias the value 'a-b' has a name that is not of letters and digits alone");
  EXPECT_THAT(Read("alias:\n  value: {a: b}\n")->warnings,
              ElementsAre("acb.yaml:2:3: 'value' is no key of 'alias'; did you mean 'values'?"));
}

std::vector<std::string> WordsOf(std::string_view text) {
  std::vector<std::string> words;
  const Result<ShellSplit> split = SplitShellWords(text);
  EXPECT_TRUE(split.ok()) << split.status().message();
  for (const ShellWord& word : split->words) words.push_back(word.text);
  return words;
}

TEST(ShellWords, AreCutAndUnquotedAsAShellDoes) {
  EXPECT_THAT(WordsOf("a  b\tc"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(WordsOf("bash -c 'x; y | z'"), ElementsAre("bash", "-c", "x; y | z"));
  EXPECT_THAT(WordsOf(R"(a "b \"c\" \$d \`e \f" g\ h)"), ElementsAre("a", R"(b "c" $d `e \f)", "g h"));
  EXPECT_THAT(WordsOf("a''b\"\" ''"), ElementsAre("ab", ""));
  EXPECT_THAT(WordsOf("a \\\n b\n"), ElementsAre("a", "b"));
  EXPECT_THAT(WordsOf("a # comment | x\n"), ElementsAre("a"));
  EXPECT_THAT(WordsOf("a#b $HOME *"), ElementsAre("a#b", "$HOME", "*"));
}

TEST(ShellWords, SayWhatNeedsAShell) {
  EXPECT_EQ(SplitShellWords("a && b")->shell->what, "&&");
  EXPECT_EQ(SplitShellWords("a|b")->shell->what, "|");
  EXPECT_EQ(SplitShellWords("a > b")->shell->offset, 2U);
  EXPECT_EQ(SplitShellWords("a $(b)")->shell->what, "(");
  EXPECT_EQ(SplitShellWords("a\n# c\nb")->shell->what, "");
  EXPECT_FALSE(SplitShellWords("a 'b|c' \"d&e\" f\\;g")->shell);
}

TEST(ShellWords, QuotesMustEnd) {
  EXPECT_EQ(SplitShellWords("a 'b").status().message(), "the quote ' has no end");
  EXPECT_EQ(SplitShellWords("a \"b").status().message(), "the quote \" has no end");
  EXPECT_EQ(SplitShellWords("a \\").status().message(), "a backslash has nothing behind it");
}

TEST(SourceLines, ControlCharactersAndLongTextsAreRefused) {
  EXPECT_EQ(SplitLines("t", "a\nb\x01", 100).status().message(),
            "t:2:2: the control character 0x01 has no place in a task file");
  EXPECT_EQ(SplitLines("t", "abc", 2).status().message(), "t: has 3 bytes; a task file may have 2");
  EXPECT_EQ(JoinLines(*SplitLines("t",
                                  "\xEF\xBB\xBF"
                                  "a\r\nb",
                                  100)),
            "a\nb\n");
}

}  // namespace
}  // namespace slipway::task
