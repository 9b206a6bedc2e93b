#include "executor/tree/entry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace slipway::tree {
namespace {

using ::testing::ElementsAre;

Tree OfPaths(const std::vector<std::string>& paths) {
  std::vector<Entry> entries;
  for (const std::string& path : paths) entries.push_back({.path = path});
  return Tree(std::move(entries));
}

std::vector<std::string> Paths(const Tree& tree) {
  std::vector<std::string> out;
  for (const Entry& entry : tree.entries()) out.push_back(entry.path);
  return out;
}

std::vector<std::string> InRange(const Tree& tree, std::string_view path) {
  const auto [first, last] = tree.Range(path);
  std::vector<std::string> out;
  for (size_t i = first; i < last; ++i) out.push_back(tree.entries()[i].path);
  return out;
}

TEST(PathLess, PutsAFolderRightBeforeWhatIsBelowIt) {
  const Tree tree = OfPaths({"a.b", "b", "a", "a-", "a/z", "a/b", "a/b/c", "a/b.c", ""});
  EXPECT_THAT(Paths(tree), ElementsAre("", "a", "a/b", "a/b/c", "a/b.c", "a/z", "a-", "a.b", "b"));
}

TEST(PathLess, IsStrictAndComparesBytesAsUnsigned) {
  EXPECT_FALSE(PathLess("a", "a"));
  EXPECT_TRUE(PathLess("", "a"));
  EXPECT_FALSE(PathLess("a", ""));
  EXPECT_TRUE(PathLess("a\x7f", "a\x80"));
  EXPECT_TRUE(PathLess("a/\xff", "a\x01"));
}

TEST(PathLess, SeesADifferenceWhereverItStands) {
  for (size_t length = 1; length < 40; ++length) {
    const std::string path(length, 'm');
    for (size_t at = 0; at < length; ++at) {
      for (const char other : {'/', 'a', 'z', '\xff'}) {
        std::string changed = path;
        changed[at] = other;
        const bool before = other == '/' || other == 'a';
        EXPECT_EQ(PathLess(changed, path), before) << changed;
        EXPECT_EQ(PathLess(path, changed), !before) << changed;
        EXPECT_TRUE(PathLess(path.substr(0, at), path));
        EXPECT_FALSE(PathLess(path, path.substr(0, at)));
      }
    }
  }
}

TEST(Tree, TheLastOfEqualPathsWins) {
  const Tree tree(
      {{.path = "a", .mode = 1}, {.path = "b", .mode = 2}, {.path = "a", .mode = 3}, {.path = "a", .mode = 4}});
  ASSERT_EQ(tree.size(), 2U);
  EXPECT_EQ(tree.Find("a")->mode, 4U);
  EXPECT_EQ(tree.Find("b")->mode, 2U);
}

TEST(Tree, FindsByPath) {
  const Tree tree = OfPaths({"", "a", "a/b"});
  EXPECT_EQ(tree.Find("a/b")->path, "a/b");
  EXPECT_NE(tree.Find(""), nullptr);
  EXPECT_EQ(tree.Find("a/"), nullptr);
  EXPECT_EQ(tree.Find("b"), nullptr);
  EXPECT_EQ(Tree().Find(""), nullptr);
}

TEST(Tree, RangeIsThePathAndAllBelow) {
  const Tree tree = OfPaths({"a", "a/b", "a/b/c", "a.b", "d/e"});
  EXPECT_THAT(InRange(tree, "a"), ElementsAre("a", "a/b", "a/b/c"));
  EXPECT_THAT(InRange(tree, "a/b"), ElementsAre("a/b", "a/b/c"));
  EXPECT_THAT(InRange(tree, "d"), ElementsAre("d/e")) << "the folder itself may have no entry";
  EXPECT_THAT(InRange(tree, "a/x"), ElementsAre());
  EXPECT_EQ(InRange(tree, "").size(), 5U);
  EXPECT_THAT(InRange(Tree(), "a"), ElementsAre());
}

TEST(Tree, ContentBytesAreThoseOfFiles) {
  const Tree tree(
      {{.path = "a", .size = 3}, {.path = "b", .size = 4}, {.path = "c", .type = Type::kHardlink, .size = 9}});
  EXPECT_EQ(tree.content_bytes(), 7U);
}

Entry FullEntry() {
  return {.path = "usr/bin/tool",
          .mode = 04755,
          .uid = 1,
          .gid = 2,
          .mtime = {.seconds = 3, .nanos = 4},
          .size = 5,
          .digest = Digest::Of("content"),
          .xattrs = {{"security.capability", "x"}, {"user.a", "b"}}};
}

Digest DigestOf(const Entry& entry, const DigestOptions& options = {}) {
  return tree::DigestOf(Tree(std::vector{entry}), options);
}

TEST(TreeDigest, SeesEverythingThatMakesAnotherFile) {
  const std::function<void(Entry&)> changes[] = {
      [](Entry& e) { e.path = "usr/bin/tools"; },
      [](Entry& e) { e.type = Type::kDirectory; },
      [](Entry& e) { e.opaque = true; },
      [](Entry& e) { e.mode = 0755; },
      [](Entry& e) { e.uid = 9; },
      [](Entry& e) { e.gid = 9; },
      [](Entry& e) { e.size = 9; },
      [](Entry& e) { e.digest = Digest::Of("other"); },
      [](Entry& e) { e.digest = Digest(); },
      [](Entry& e) { e.link = "x"; },
      [](Entry& e) { e.dev_major = 9; },
      [](Entry& e) { e.dev_minor = 9; },
      [](Entry& e) { e.xattrs.pop_back(); },
      [](Entry& e) { e.xattrs[0].second = "y"; },
      [](Entry& e) { e.xattrs[0].first = "security.capabilit"; },
  };
  std::vector<Digest> seen = {DigestOf(FullEntry())};
  for (const auto& change : changes) {
    Entry entry = FullEntry();
    change(entry);
    const Digest digest = DigestOf(entry);
    EXPECT_EQ(std::count(seen.begin(), seen.end(), digest), 0) << "change " << seen.size();
    seen.push_back(digest);
  }
}

TEST(TreeDigest, SeesTheTimeOnlyIfAsked) {
  Entry later = FullEntry();
  later.mtime.nanos = 99;
  EXPECT_EQ(DigestOf(later), DigestOf(FullEntry()));
  EXPECT_NE(DigestOf(later, {.with_mtime = true}), DigestOf(FullEntry(), {.with_mtime = true}));
}

TEST(TreeDigest, DoesNotDependOnTheOrderGiven) {
  const Entry a{.path = "a"}, b{.path = "b"};
  EXPECT_EQ(tree::DigestOf(Tree({a, b})), tree::DigestOf(Tree({b, a})));
  EXPECT_NE(tree::DigestOf(Tree({a, b})), tree::DigestOf(Tree({a})));
}

TEST(CleanPath, DropsWhatMeansNothingAndStaysWithin) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},           {".", ""},       {"/", ""},       {"a/b", "a/b"},
      {"/a/b/", "a/b"},   {"./a", "a"},    {"a//b", "a/b"}, {"../../etc", "etc"},
      {"a/../../b", "b"}, {"a/..", ""},    {"...", "..."},  {"a/...b", "a/...b"},
      {" ", " "},         {"a/.b", "a/.b"}};
  for (const auto& [in, out] : cases) EXPECT_EQ(*CleanPath(in), out) << in;
}

TEST(CleanPath, RefusesNulAndTheAbsurdlyLong) {
  EXPECT_EQ(CleanPath(std::string_view("a\0b", 3)).code(), Code::kInvalidArgument);
  EXPECT_EQ(CleanPath(std::string(4097, 'a')).code(), Code::kInvalidArgument);
  EXPECT_TRUE(CleanPath(std::string(4096, 'a')).ok());
}

}  // namespace
}  // namespace slipway::tree
