// Submodules of git contexts.
#include <gmock/gmock.h>

#include "tests/executor/source/source_fixture.h"
#include "tests/testing/git_server.h"

namespace slipway::source {
namespace {

using testing::GitRepository;
using testing::GitServer;
using ::testing::HasSubstr;
using ::testing::Not;

class SubmoduleTest : public SourceTest {
 protected:
  void SetUp() override {
    if (const std::string why = testing::WhyNoGit(); !why.empty()) GTEST_SKIP() << why;
  }

  /// A repository with one file named as it is.
  GitRepository Leaf(GitServer& server, const std::string& name) {
    GitRepository repository = server.Add(name + ".git");
    repository.Write(name, name);
    repository.Commit("first");
    return repository;
  }

  /// Records `commit` as a submodule at `path`, without cloning it.
  static void AddSubmodule(GitRepository& repository, const std::string& path, const std::string& url,
                           const std::string& commit) {
    std::string text = fs::ReadFile(repository.folder() + "/.gitmodules").ValueOr("");
    text += fmt::format("[submodule \"{0}\"]\n\tpath = {0}\n\turl = {1}\n", path, url);
    repository.Write(".gitmodules", text);
    repository.Git({"add", ".gitmodules"});
    repository.Git({"update-index", "--add", "--cacheinfo", "160000," + commit + "," + path});
    repository.Git({"commit", "-q", "-m", "submodule"});
  }
  static std::string Head(const GitRepository& repository) { return repository.Git({"rev-parse", "HEAD"}); }

  GitServer server_;
};

TEST_F(SubmoduleTest, RelativeNestedAndAbsoluteAddresses) {
  GitRepository inner = Leaf(server_, "inner");
  GitRepository middle = Leaf(server_, "middle");
  AddSubmodule(middle, "deep/inner", "../inner.git", Head(inner));
  GitRepository outer = Leaf(server_, "outer");
  AddSubmodule(outer, "m", "../middle.git", Head(middle));
  AddSubmodule(outer, "again", server_.Url("inner.git"), Head(inner));
  for (const std::string& url : {server_.Url("outer.git"), "file://" + outer.folder()}) {
    const auto context = FetchGit(url);
    ASSERT_TRUE(context.ok()) << context.status().message();
    EXPECT_THAT(List(*context), HasSubstr("d again/\nf again/inner 5\n"));
    EXPECT_THAT(List(*context), HasSubstr("d m/\nf m/.gitmodules"));
    EXPECT_THAT(List(*context), HasSubstr("d m/deep/\nd m/deep/inner/\nf m/deep/inner/inner 5\nf m/middle 6\n"));
    EXPECT_EQ(Read(*context, "m/deep/inner/inner"), "inner");
  }
}

TEST_F(SubmoduleTest, FolderInsideAndAboveASubmodule) {
  GitRepository inner = Leaf(server_, "inner");
  inner.Write("x/y", "y");
  inner.Commit("x");
  GitRepository outer = Leaf(server_, "outer");
  AddSubmodule(outer, "third/party", "../inner.git", Head(inner));
  const std::string url = server_.Url("outer.git") + "#main:";
  EXPECT_EQ(List(FetchGit(url + "third").value()), "d party/\nf party/inner 5\nd party/x/\nf party/x/y 1\n");
  EXPECT_EQ(List(FetchGit(url + "third/party").value()), "f inner 5\nd x/\nf x/y 1\n");
  EXPECT_EQ(List(FetchGit(url + "third/party/x").value()), "f y 1\n");
  EXPECT_EQ(FetchGit(url + "third/party/z").code(), Code::kNotFound);
}

TEST_F(SubmoduleTest, OtherFoldersSubmodulesAreNotFetched) {
  GitRepository outer = Leaf(server_, "outer");
  outer.Write("sub/f", "f");
  outer.Commit("sub");
  AddSubmodule(outer, "gone", "../gone.git", std::string(40, '1'));
  EXPECT_TRUE(FetchGit(server_.Url("outer.git") + "#:sub").ok());
  const auto whole = FetchGit(server_.Url("outer.git"));
  EXPECT_EQ(whole.code(), Code::kNotFound);
  EXPECT_THAT(whole.status().message(), HasSubstr("submodule 'gone': there is no repository"));
  EXPECT_EQ(List(FetchGit(server_.Url("outer.git") + "?submodules=false").value()),
            "f .gitmodules 51\nd gone/\nf outer 5\nd sub/\nf sub/f 1\n");
}

TEST_F(SubmoduleTest, UnnamedAndSkippedOnesAreEmptyFolders) {
  GitRepository outer = Leaf(server_, "outer");
  outer.Git({"update-index", "--add", "--cacheinfo", "160000," + std::string(40, '1') + ",stray"});
  outer.Write(".gitmodules", "[submodule \"s\"]\npath=s\nurl=../s.git\nupdate=none\n");
  outer.Git({"add", ".gitmodules"});
  outer.Git({"update-index", "--add", "--cacheinfo", "160000," + std::string(40, '2') + ",s"});
  outer.Git({"commit", "-q", "-m", "stray"});
  const auto context = FetchGit(server_.Url("outer.git"));
  ASSERT_TRUE(context.ok()) << context.status().message();
  EXPECT_THAT(List(*context), HasSubstr("d s/\nd stray/\n"));
  EXPECT_THAT(sink_.Text(), HasSubstr("'stray' is a submodule of which .gitmodules says nothing"));
  EXPECT_THAT(sink_.Text(), Not(HasSubstr("'s' is")));
}

TEST_F(SubmoduleTest, RemoteRepositoryMayNotNameLocalFolders) {
  GitRepository inner = Leaf(server_, "inner");
  for (const std::string& url : {inner.folder(), "file://" + inner.folder()}) {
    GitRepository outer = Leaf(server_, "outer" + std::to_string(url.size()));
    AddSubmodule(outer, "m", url, Head(inner));
    const auto context = FetchGit(server_.Url(fs::BaseName(outer.folder()).data()));
    EXPECT_EQ(context.code(), Code::kPermissionDenied) << context.status().message();
  }
}

TEST_F(SubmoduleTest, OddTransportsAreRefused) {
  int n = 0;
  for (const std::string url :
       {"ext::sh -c true", "fd::3", "-u./x", "ssh://-oProxyCommand=x/y", "git@-oProxyCommand=x:y", "x"}) {
    GitRepository outer = Leaf(server_, fmt::format("outer{}", n++));
    AddSubmodule(outer, "m", url, std::string(40, '1'));
    const auto context = FetchGit(server_.Url(fs::BaseName(outer.folder()).data()));
    EXPECT_EQ(context.code(), Code::kInvalidArgument) << url << ": " << context.status().message();
  }
}

TEST_F(SubmoduleTest, RepositoryInItselfEnds) {
  // A commit cannot name itself, but one that follows may name the one before, again and again.
  GitRepository repository = Leaf(server_, "self");
  for (int i = 0; i < 12; ++i) {
    const std::string before = Head(repository);
    repository.Write(".gitmodules", "[submodule \"m\"]\npath=m\nurl=./\n");
    repository.Git({"add", ".gitmodules"});
    repository.Git({"update-index", "--add", "--cacheinfo", "160000," + before + ",m"});
    repository.Git({"commit", "-q", "--allow-empty", "-m", "again"});
  }
  const auto context = FetchGit(server_.Url("self.git"));
  EXPECT_EQ(context.code(), Code::kResourceExhausted);
  EXPECT_THAT(context.status().message(), HasSubstr("nested more than 8 deep"));
}

TEST_F(SubmoduleTest, TokenGoesToTheSameHostOnly) {
  GitServer guarded({.user = "x-access-token", .password = "t0ken"});
  GitServer other({.user = "x-access-token", .password = "t0ken"});
  GitRepository near = Leaf(guarded, "near");
  GitRepository far = Leaf(other, "far");
  GitRepository outer = Leaf(guarded, "outer");
  AddSubmodule(outer, "near", "../near.git", Head(near));
  ASSERT_TRUE(FetchGit(guarded.Url("outer.git", "t0ken")).ok());
  AddSubmodule(outer, "far", other.Url("far.git"), Head(far));
  const auto context = FetchGit(guarded.Url("outer.git", "t0ken"));
  EXPECT_EQ(context.code(), Code::kUnauthenticated);
  EXPECT_THAT(context.status().message(), HasSubstr("submodule 'far'"));
  // Nor is what someone else fetched given away with the repository.
  ASSERT_TRUE(FetchGit(other.Url("far.git", "t0ken") + "#" + Head(far)).ok());
  EXPECT_EQ(FetchGit(guarded.Url("outer.git", "t0ken")).code(), Code::kUnauthenticated);
}

}  // namespace
}  // namespace slipway::source
