#include "executor/tree/follow.h"

#include <gtest/gtest.h>

#include <map>

namespace slipway::tree {
namespace {

// a tree by hand: path to target of a link, "/" for a folder, "" for a file
std::string Leads(const std::map<std::string, std::string>& tree, std::string_view path, bool follow_last = true) {
  Entry entry;
  const auto lookup = [&](const std::string& at) -> Result<const Entry*> {
    const auto found = tree.find(at);
    if (found == tree.end()) return static_cast<const Entry*>(nullptr);
    entry = Entry();
    entry.path = at;
    entry.link = found->second;
    entry.type = found->second.empty() ? Type::kFile : found->second == "/" ? Type::kDirectory : Type::kSymlink;
    return &entry;
  };
  const Result<Followed> followed = Follow(path, follow_last, lookup);
  if (!followed.ok()) return followed.status().message();
  return (followed->found ? "" : "-> ") + followed->path;
}

TEST(Follow, LinksAndDotsStayInsideTheRoot) {
  EXPECT_EQ(Leads({{"run", "/"}, {"var", "../../run"}, {"run/pid", ""}}, "var/pid"), "run/pid");
  EXPECT_EQ(Leads({{"a", "/"}, {"a/up", "/a"}}, "a/up/up/up"), "a");
  EXPECT_EQ(Leads({{"a", "/"}, {"a/b", "/"}}, "../a/./b//../b"), "a/b");
  EXPECT_EQ(Leads({}, ""), "");
}

TEST(Follow, TheLastElementIsFollowedIfAsked) {
  EXPECT_EQ(Leads({{"l", "d"}, {"d", "/"}}, "l"), "d");
  EXPECT_EQ(Leads({{"l", "d"}, {"d", "/"}}, "l", false), "l");
  EXPECT_EQ(Leads({{"l", "d"}, {"d", "/"}}, "l/", false), "l");
  EXPECT_EQ(Leads({{"l", "d/"}, {"d", "/"}, {"d/f", ""}}, "l/f", false), "d/f");
}

TEST(Follow, WhatIsMissingIsKeptAsWritten) {
  EXPECT_EQ(Leads({{"l", "gone/x"}}, "l/a/../b"), "-> gone/x/b");
  EXPECT_EQ(Leads({{"l", "gone"}}, "l"), "-> gone");
}

TEST(Follow, ACircleAndAFileInTheWayAreErrors) {
  EXPECT_EQ(Leads({{"a", "b"}, {"b", "a"}}, "a/x"), "'a/x' goes through too many symbolic links");
  EXPECT_EQ(Leads({{"f", ""}}, "f/x"), "'/f' is not a folder");
  EXPECT_EQ(Leads({{"f", ""}}, "f//"), "f");
}

}  // namespace
}  // namespace slipway::tree
