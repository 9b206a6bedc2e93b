#include "executor/base/pattern_matcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace slipway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Parsed(std::string_view text) {
  auto patterns = ParseIgnoreFile(text);
  EXPECT_TRUE(patterns.ok()) << patterns.status().message();
  return std::move(patterns).ValueOr({});
}

// What a walk from the root finds for the path.
bool MatchesInWalk(const PatternMatcher& matcher, std::string_view path) {
  PatternMatcher::Folder parent;
  for (size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1)) {
    PatternMatcher::Folder self;
    matcher.Matches(path.substr(0, slash), parent, &self);
    parent = self;
  }
  return matcher.Matches(path, parent, nullptr);
}

bool Ignored(const std::vector<std::string>& patterns, std::string_view path) {
  const auto matcher = PatternMatcher::Make(patterns);
  EXPECT_TRUE(matcher.ok()) << matcher.status().message();
  if (!matcher.ok()) return false;
  const bool matched = matcher->Matches(path);
  EXPECT_EQ(MatchesInWalk(*matcher, path), matched) << path;
  return matched;
}

TEST(IgnoreFile, CommentsAndBlankLinesGo) { EXPECT_THAT(Parsed("# no\n\n  \na\n #b\n"), ElementsAre("a", "#b")); }

TEST(IgnoreFile, BomGoesFromTheFirstLineOnly) {
  EXPECT_THAT(Parsed("\xEF\xBB\xBF# c\n\xEF\xBB\xBF# d"), ElementsAre("\xEF\xBB\xBF# d"));
}

TEST(IgnoreFile, PathsAreCleaned) {
  EXPECT_THAT(Parsed("/a\n./b/\nc//d/../e\n/\n..\n! /f/ \r\n!\n  g  "),
              ElementsAre("a", "b", "c/e", "/", "..", "!f", "!", "g"));
}

TEST(IgnoreFile, LongLineIsRefused) {
  EXPECT_EQ(ParseIgnoreFile(std::string(70000, 'a')).code(), Code::kInvalidArgument);
  EXPECT_TRUE(CheckIgnoreFile("# first\n\nok\n!a\n").ok());
  EXPECT_EQ(CheckIgnoreFile("# first\n\nok\n[a\n").message().substr(0, 8), "line 4: ");
}

TEST(IgnoreFile, LinesOfThePatternsAreKnown) {
  EXPECT_THAT(IgnoreFileLines("# first\n\na\n  \n!b"), ElementsAre(3, 5));
}

// The pattern that takes the path; "" if it stays.
std::string Taker(const std::vector<std::string>& patterns, std::string_view path) {
  const auto taker = PatternMatcher::Make(patterns)->Taker(path);
  return taker ? patterns[*taker] : "";
}

TEST(IgnorePatterns, TheOneThatTakesAPathIsTheLastThatCounted) {
  EXPECT_EQ(Taker({"*.log", "a.*"}, "a.log"), "*.log");
  EXPECT_EQ(Taker({"*.log", "!a.log", "a.*"}, "a.log"), "a.*");
  EXPECT_EQ(Taker({"*.log", "!a.log"}, "a.log"), "");
  EXPECT_EQ(Taker({"d"}, "d/s/f"), "d");
  EXPECT_EQ(Taker({"d", "!d/s", "d/s/f"}, "d/s/f"), "d/s/f");
  EXPECT_EQ(Taker({"d", "!d/s"}, "d/s/f"), "");
  EXPECT_EQ(Taker({"*"}, ""), "");
}

TEST(IgnorePatterns, NoneMatchesNothing) {
  EXPECT_FALSE(PatternMatcher().Matches("a"));
  EXPECT_FALSE(Ignored({"", "  "}, "a"));
}

TEST(IgnorePatterns, MalformedAreRefused) {
  for (const std::string pattern : {"[", "[a", "a[]", "!", "a\\", "[z-a]"}) {
    EXPECT_EQ(PatternMatcher::Make(std::vector<std::string>{pattern}).code(), Code::kInvalidArgument) << pattern;
  }
  const auto lone = PatternMatcher::Make(std::vector<std::string>{"!"});
  EXPECT_THAT(lone.status().message(), HasSubstr("nothing after the '!'"));
}

TEST(IgnorePatterns, TheRootIsNeverIgnored) { EXPECT_FALSE(Ignored({"**", "."}, ".")); }

struct OnePattern {
  const char* pattern;
  const char* path;
  bool ignored;
};

class IgnorePattern : public ::testing::TestWithParam<OnePattern> {};

TEST_P(IgnorePattern, Matches) {
  const auto& [pattern, path, ignored] = GetParam();
  EXPECT_EQ(Ignored({pattern}, path), ignored) << pattern << " on " << path;
}

INSTANTIATE_TEST_SUITE_P(Stars, IgnorePattern,
                         ::testing::Values(OnePattern{"*.md", "a.md", true}, OnePattern{"*.md", "d/a.md", false},
                                           OnePattern{"*/a", "d/a", true}, OnePattern{"*/a", "a", false},
                                           OnePattern{"*/a", "d/e/a", false}, OnePattern{"?.md", "b.md", true},
                                           OnePattern{"?.md", "bb.md", false}, OnePattern{"a?b", "a/b", false},
                                           OnePattern{"a?b", "aéb", true}, OnePattern{"*", "d/e", true},
                                           OnePattern{"a*c", "abbbc", true}, OnePattern{"d/*", "d", false}));

INSTANTIATE_TEST_SUITE_P(DoubleStars, IgnorePattern,
                         ::testing::Values(OnePattern{"**", "a", true}, OnePattern{"**/a", "a", true},
                                           OnePattern{"**/a", "d/e/a", true}, OnePattern{"**/a", "d/ba", false},
                                           OnePattern{"**a", "d/ba", true}, OnePattern{"d/**", "d", false},
                                           OnePattern{"d/**", "d/e/f", true}, OnePattern{"d/**/f", "d/f", true},
                                           OnePattern{"d/**/f", "d/e/e/f", true}, OnePattern{"d/**/f", "d/ef", false},
                                           OnePattern{"**/d/**", "x/d/y", true}, OnePattern{"**/d/**", "d", false},
                                           OnePattern{"**/*.c", "a.c", true}, OnePattern{"**/*.c", "x/y/a.c", true},
                                           OnePattern{"a**/*.c", "ab/d/e.c", true}, OnePattern{"**/.x", "y.x", false}));

INSTANTIATE_TEST_SUITE_P(Plain, IgnorePattern,
                         ::testing::Values(OnePattern{"d", "d/e/f", true}, OnePattern{"d/", "d/e", true},
                                           OnePattern{"d", "dd", false}, OnePattern{"a.b", "axb", false},
                                           OnePattern{"A", "a", false}, OnePattern{"a(b)|{+}$", "a(b)|{+}$", true},
                                           OnePattern{"../a", "a", false}, OnePattern{"d/../a", "a", true},
                                           OnePattern{"a^b", "a^b", true}));

INSTANTIATE_TEST_SUITE_P(ClassesAndEscapes, IgnorePattern,
                         ::testing::Values(OnePattern{"[ab].c", "b.c", true}, OnePattern{"[ab].c", "c.c", false},
                                           OnePattern{"x[^a-c]y", "xdy", true}, OnePattern{"x[^a-c]y", "xby", false},
                                           OnePattern{"a\\*b", "a*b", true}, OnePattern{"a\\*b", "axb", false},
                                           OnePattern{"b\\.c", "b.c", true}, OnePattern{"\\a.c", "a.c", false},
                                           OnePattern{"\\d", "7", true}, OnePattern{"*.\xff", "a.\xff", true}));

TEST(IgnorePatterns, TheLastThatMatchesWins) {
  EXPECT_FALSE(Ignored({"*.md", "!README.md"}, "README.md"));
  EXPECT_TRUE(Ignored({"!README.md", "*.md"}, "README.md"));
  EXPECT_TRUE(Ignored({"*", "!d", "d/e"}, "d/e/f"));
  EXPECT_FALSE(Ignored({"*", "!d", "d/e"}, "d/f"));
}

TEST(IgnorePatterns, AnExceptionBringsBackWhatIsBelow) {
  EXPECT_FALSE(Ignored({"d", "!d/e"}, "d/e/f"));
  EXPECT_TRUE(Ignored({"d", "!d/e"}, "d/g"));
  EXPECT_FALSE(Ignored({"**", "!**/*.md"}, "d/a.md"));
}

// In a walk a pattern that could change nothing for a folder is not tried there and so not inherited.
TEST(IgnorePatterns, WalkDoesNotInheritAnExceptionThatHadNothingToDo) {
  const auto matcher = PatternMatcher::Make(std::vector<std::string>{"d/x", "!d"});
  ASSERT_TRUE(matcher.ok());
  EXPECT_FALSE(matcher->Matches("d/x"));
  EXPECT_TRUE(MatchesInWalk(*matcher, "d/x"));
}

bool CanSkip(const std::vector<std::string>& patterns, std::string_view folder) {
  const auto matcher = PatternMatcher::Make(patterns);
  EXPECT_TRUE(matcher.ok());
  PatternMatcher::Folder parent;
  for (size_t slash = folder.find('/'); slash != std::string_view::npos; slash = folder.find('/', slash + 1)) {
    PatternMatcher::Folder self;
    matcher->Matches(folder.substr(0, slash), parent, &self);
    parent = self;
  }
  PatternMatcher::Folder self;
  EXPECT_TRUE(matcher->Matches(folder, parent, &self)) << folder;
  return matcher->CanSkip(folder, self);
}

TEST(IgnorePruning, WithoutExceptionsEveryFolderIsSkipped) { EXPECT_TRUE(CanSkip({"d", "**/e"}, "d")); }

TEST(IgnorePruning, OnlyExceptionsBelowKeepAFolder) {
  EXPECT_FALSE(CanSkip({"*", "!d/e/f"}, "d"));
  EXPECT_FALSE(CanSkip({"*", "!d/e/f"}, "d/e"));
  EXPECT_TRUE(CanSkip({"*", "!d/e/f"}, "x"));
  EXPECT_TRUE(CanSkip({"*", "!d/e/f"}, "d/x"));
  EXPECT_TRUE(CanSkip({"*", "!d"}, "dd"));
}

TEST(IgnorePruning, WildcardsAreComparedFolderByFolder) {
  EXPECT_FALSE(CanSkip({"p", "!p/*/src"}, "p/a"));
  EXPECT_TRUE(CanSkip({"p", "!p/*/src"}, "p/a/dist"));
  EXPECT_FALSE(CanSkip({"p", "!**/keep"}, "p/a"));
  EXPECT_FALSE(CanSkip({"p", "!p/[a-z]/x"}, "p/q"));
}

TEST(IgnorePruning, AnEarlierExceptionDoesNotCount) { EXPECT_TRUE(CanSkip({"!d/e", "d"}, "d")); }

// Skipping must never change what a walk finds: compared on random patterns over all paths of a small tree.
TEST(IgnorePruning, FindsTheSameAsAFullWalk) {
  const std::vector<std::string> names = {"a", "b", "ab"};
  const std::vector<std::string> parts = {"a", "b", "ab", "*", "**", "a*", "?", "[a]", "**b", "\\a"};
  std::mt19937 random(20);
  const auto pick = [&](const std::vector<std::string>& from) {
    return from[std::uniform_int_distribution<size_t>(0, from.size() - 1)(random)];
  };
  std::vector<std::string> paths;
  for (const auto& x : names) {
    paths.push_back(x);
    for (const auto& y : names) {
      paths.push_back(x + "/" + y);
      for (const auto& z : names) paths.push_back(x + "/" + y + "/" + z);
    }
  }
  std::sort(paths.begin(), paths.end());
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string> patterns;
    for (size_t count = 1 + random() % 4; count > 0; --count) {
      std::string pattern = random() % 2 == 0 ? "!" : "";
      for (size_t depth = 1 + random() % 3; depth > 0; --depth) pattern += pick(parts) + (depth > 1 ? "/" : "");
      patterns.push_back(pattern);
    }
    const auto matcher = PatternMatcher::Make(patterns);
    ASSERT_TRUE(matcher.ok());
    std::map<std::string, PatternMatcher::Folder> folders;
    std::set<std::string> skipped;
    for (const std::string& path : paths) {
      const size_t slash = path.rfind('/');
      const std::string above = slash == std::string::npos ? "" : path.substr(0, slash);
      const bool ignored = matcher->Matches(path, folders[above], &folders[path]);
      const bool inside = skipped.contains(above);
      ASSERT_TRUE(ignored || !inside) << path << " below a skipped folder; " << ::testing::PrintToString(patterns);
      if (inside || (ignored && matcher->CanSkip(path, folders[path]))) skipped.insert(path);
    }
  }
}

}  // namespace
}  // namespace slipway
