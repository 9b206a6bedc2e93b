#include "executor/base/path_glob.h"

#include <gtest/gtest.h>

namespace slipway {
namespace {

struct GlobCase {
  const char* pattern;
  const char* name;
  bool matches;
};

class PathGlobTable : public ::testing::TestWithParam<GlobCase> {};

TEST_P(PathGlobTable, Matches) {
  const auto& [pattern, name, matches] = GetParam();
  const auto glob = PathGlob::Make(pattern);
  ASSERT_TRUE(glob.ok()) << glob.status().message();
  EXPECT_EQ(glob->Matches(name), matches) << pattern << " on " << name;
}

INSTANTIATE_TEST_SUITE_P(
    Table, PathGlobTable,
    ::testing::Values(GlobCase{"", "", true}, GlobCase{"", "a", false}, GlobCase{"abc", "abc", true},
                      GlobCase{"abc", "ab", false}, GlobCase{"*", "", true}, GlobCase{"*", "abc", true},
                      GlobCase{"*", "a/b", false}, GlobCase{"a*", "a/b", false}, GlobCase{"*/*", "a/b", true},
                      GlobCase{"**", "ab", true}, GlobCase{"a*b*c", "axbxbxc", true},
                      GlobCase{"a*b*c", "axbxbx", false}, GlobCase{"*.tar.*", "x.tar.tar.gz", true},
                      GlobCase{"*b", "abab", true}, GlobCase{"a?c", "a☺c", true}, GlobCase{"a??c", "a☺c", false},
                      GlobCase{"?", "/", false}, GlobCase{"[a-c]x", "bx", true}, GlobCase{"[^a-c]x", "bx", false},
                      GlobCase{"[^a]", "/", true}, GlobCase{"[a-ζ]", "α", true}, GlobCase{"[\\]]", "]", true},
                      GlobCase{"[\\-x]", "-", true}, GlobCase{"\\*", "*", true}, GlobCase{"\\*", "a", false},
                      GlobCase{"[*]", "*", true}, GlobCase{"a]", "a]", true}));

TEST(PathGlob, MalformedPatternsAreRefusedWhateverTheName) {
  for (const char* pattern : {"[", "[a", "[a-", "[]a]", "[-]", "[x-]", "[-x]", "a\\", "x*[", "[^]a]"}) {
    EXPECT_EQ(PathGlob::Make(pattern).code(), Code::kInvalidArgument) << pattern;
  }
}

TEST(PathGlob, ManyStarsEnd) {
  std::string pattern, name(2000, 'a');
  for (int i = 0; i < 500; ++i) pattern += "a*";
  EXPECT_FALSE(*MatchPath(pattern + "b", name));
  EXPECT_TRUE(*MatchPath(pattern, name));
}

}  // namespace
}  // namespace slipway
