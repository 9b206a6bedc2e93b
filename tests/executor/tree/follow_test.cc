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

std::string Repeated(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

TEST(Follow, AWayHasNoMoreElementsThanAnybodyMeans) {
  EXPECT_EQ(Leads({{"a", "/"}}, Repeated("a/../", 4000) + "a"), "a");
  EXPECT_EQ(Leads({{"a", "/"}}, Repeated("./", 4000) + Repeated("/", 100'000) + "a"), "a");
  // Links that come after each other make one long way.
  const std::map<std::string, std::string> tree = {{"a", "/"}, {"l", Repeated("a/../", 800)}};
  EXPECT_EQ(Leads(tree, "l/l/l/l/l/a"), "a");
  const std::string refused = Leads(tree, "l/l/l/l/l/l/a");
  EXPECT_EQ(refused, "'l/l/l/l/l/l/a' is a way of more than 8192 folders and links");
}

TEST(Follow, ATargetIsNoLongerThanLinuxHasIt) {
  EXPECT_EQ(Leads({{"l", Repeated("/", 4094) + "d"}, {"d", "/"}}, "l"), "d");
  EXPECT_EQ(Leads({{"l", Repeated("/", 4095) + "d"}, {"d", "/"}}, "l"),
            "the symbolic link '/l' has a target of 4096 bytes, more than Linux allows (4095)");
  EXPECT_EQ(Leads({{"l", Repeated("/", 4095) + "d"}, {"d", "/"}}, "l", false), "l");
}

}  // namespace
}  // namespace slipway::tree
