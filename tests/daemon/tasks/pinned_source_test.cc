#include "daemon/tasks/pinned_source.h"

#include <gtest/gtest.h>

namespace slipway::tasks {
namespace {

TEST(PinnedSource, TheCommitTakesThePlaceOfTheBranchAndTheFolderStays) {
  EXPECT_EQ(PinnedSource("https://h/a.git", "c0ffee1", ""), "https://h/a.git#c0ffee1");
  EXPECT_EQ(PinnedSource("https://h/a.git#main", "c0ffee1", ""), "https://h/a.git#c0ffee1");
  EXPECT_EQ(PinnedSource("https://h/a.git#main:x/y", "c0ffee1", ""), "https://h/a.git#c0ffee1:x/y");
  EXPECT_EQ(PinnedSource("https://h/a.git#:x", "c0ffee1", ""), "https://h/a.git#c0ffee1:x");
  EXPECT_EQ(PinnedSource("https://h/a.git?ref=main&subdir=x&submodules=0", "c0ffee1", ""),
            "https://h/a.git?subdir=x&submodules=0#c0ffee1");
  EXPECT_EQ(PinnedSource("git@h:a.git#main", "c0ffee1", ""), "git@h:a.git#c0ffee1");
  EXPECT_EQ(PinnedSource("/srv/a.git#main:x", "c0ffee1", "refs/pull/7/head"), "/srv/a.git#c0ffee1:x");
}

TEST(PinnedSource, SaysWhichReferenceLeadsToTheCommit) {
  EXPECT_EQ(PinnedSource("https://h/a.git#main:x", "c0ffee1", "refs/pull/7/head"),
            "https://h/a.git?via=refs%2Fpull%2F7%2Fhead#c0ffee1:x");
  EXPECT_EQ(PinnedSource("https://h/a.git?subdir=x", "c0ffee1", "refs/pull/7/head"),
            "https://h/a.git?subdir=x&via=refs%2Fpull%2F7%2Fhead#c0ffee1");
  EXPECT_EQ(PinnedSource("https://dev.azure.com/o/p/_git/r", "c0ffee1", "refs/pull/7/merge"),
            "https://dev.azure.com/o/p/_git/r#c0ffee1")
      << "with a query this is a page, no repository";
}

TEST(PinnedSource, WhatIsNoRepositoryStays) {
  EXPECT_EQ(PinnedSource("/dev/null", "c0ffee1", ""), "/dev/null");
  EXPECT_EQ(PinnedSource("https://h/a.tar.gz", "c0ffee1", ""), "https://h/a.tar.gz");
  EXPECT_EQ(PinnedSource("https://h/a.git#main", "", ""), "https://h/a.git#main");
}

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
