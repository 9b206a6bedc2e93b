#include "steps/task/pinned_source.h"

#include <gtest/gtest.h>

namespace slipway::task {
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

TEST(NamesSource, IsWhereATemplateSpeaksOfIt) {
  QuickBuild build;
  build.image_names = {"app:Commit", "app:{{.Run.ID}}"};
  build.arguments = {{.name = "A", .value = "{{.Run.Commit}}", .secret = true}};
  EXPECT_FALSE(NamesSource(build)) << "a secret is no template";
  build.arguments.push_back({.name = "B", .value = "x {{ .Run.Branch | upper }}"});
  EXPECT_TRUE(NamesSource(build));
  build.arguments.clear();
  build.image_names.push_back("app:{{.Run.Commit}}");
  EXPECT_TRUE(NamesSource(build));
}

TEST(PinnedSource, WhatIsNoRepositoryStays) {
  EXPECT_EQ(PinnedSource("/dev/null", "c0ffee1", ""), "/dev/null");
  EXPECT_EQ(PinnedSource("https://h/a.tar.gz", "c0ffee1", ""), "https://h/a.tar.gz");
  EXPECT_EQ(PinnedSource("https://h/a.git#main", "", ""), "https://h/a.git#main");
}

}  // namespace
}  // namespace slipway::task
