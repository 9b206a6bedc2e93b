#include "daemon/tasks/pinned_source.h"

#include <gtest/gtest.h>

namespace slipway::tasks {
namespace {

TEST(SourceWithToken, IsThePassword) {
  EXPECT_EQ(SourceWithToken("https://h/a.git#main", "t/k"), "https://x-access-token:t%2Fk@h/a.git#main");
  EXPECT_EQ(SourceWithToken("https://bitbucket.org/o/a.git", "tk"), "https://x-token-auth:tk@bitbucket.org/o/a.git");
  EXPECT_EQ(SourceWithToken("github.com/o/a", "tk"), "https://x-access-token:tk@github.com/o/a");
  EXPECT_EQ(SourceWithToken("https://ada@h/a.git", "tk"), "https://ada:tk@h/a.git");
  EXPECT_EQ(SourceWithToken("https://ada:***@h/a.git#main", "tk"), "https://ada:tk@h/a.git#main");
  EXPECT_EQ(SourceWithToken("https://***@h/a.git", "tk"), "https://tk@h/a.git");
  EXPECT_EQ(SourceWithToken("git@h:a.git", "tk"), "git@h:a.git");
  EXPECT_EQ(SourceWithToken("/dev/null", "tk"), "/dev/null");
}

TEST(SourceWithToken, WithoutOneNobodyIsAskedWithStars) {
  EXPECT_EQ(SourceWithToken("https://ada:***@h/a.git#main", ""), "https://h/a.git#main");
  EXPECT_EQ(SourceWithToken("https://***@h/a.git", ""), "https://h/a.git");
  EXPECT_EQ(SourceWithToken("https://h/a.git", ""), "https://h/a.git");
}

TEST(SameSourceHost, IsOfSchemeHostAndPort) {
  EXPECT_TRUE(SameSourceHost("https://h/a.git", "https://h:443/b.git#x"));
  EXPECT_FALSE(SameSourceHost("https://h/a.git", "http://h/a.git"));
  EXPECT_FALSE(SameSourceHost("https://h/a.git", "https://evil/a.git"));
  EXPECT_FALSE(SameSourceHost("/dev/null", "/dev/null"));
}

}  // namespace
}  // namespace slipway::tasks
