// Git contexts from real repositories.
#include <gmock/gmock.h>

#include "tests/executor/source/source_fixture.h"
#include "tests/testing/git_server.h"

namespace slipway::source {
namespace {

using testing::GitRepository;
using testing::GitServer;
using ::testing::HasSubstr;
using ::testing::Not;

class GitTest : public SourceTest {
 protected:
  void SetUp() override {
    if (const std::string why = testing::WhyNoGit(); !why.empty()) GTEST_SKIP() << why;
  }

  GitServer server_;

  GitRepository Simple(const std::string& name = "x.git") {
    GitRepository repository = server_.Add(name);
    repository.Write("one", "one\n");
    repository.Write("sub/s", "s\n", true);
    repository.Link("ln", "one");
    repository.Commit("first");
    return repository;
  }
};

TEST_F(GitTest, TreeHasModesLinksAndCommitTime) {
  GitRepository repository = Simple();
  const auto context = FetchGit(server_.Url("x.git"));
  ASSERT_TRUE(context.ok()) << context.status().message();
  EXPECT_EQ(List(*context), "l ln -> one\nf one 4\nd sub/\nx sub/s 2\n");
  EXPECT_EQ(Read(*context, "one"), "one\n");
  EXPECT_EQ(context->revision, repository.Git({"rev-parse", "HEAD"}));
  EXPECT_EQ(context->branch, "main");
  const tree::Entry* one = context->tree->Find("one");
  EXPECT_EQ(one->mtime.seconds, 1'600'000'000);
  EXPECT_EQ(one->mode, 0644U);
  EXPECT_EQ(context->tree->Find("sub/s")->mode, 0755U);
  EXPECT_EQ(context->tree->Find("sub")->mode, 0755U);
}

TEST_F(GitTest, PathsThatDifferBetweenTwoCommits) {
  GitRepository repository = Simple();
  repository.Write("gone", "g\n");
  repository.Write("docs/a.md", "a\n");
  const std::string before = repository.Commit("before");
  repository.Remove("gone");
  repository.Write("docs/b.md", "a\n");
  repository.Remove("docs/a.md");
  repository.Write("one", "changed\n");
  repository.Write("sub/s", "s\n", false);
  repository.Write("sub/new/file", "n\n");
  const std::string after = repository.Commit("after");
  const GitContext context{.url = server_.Url("x.git") + "#no-such-branch"};
  const auto paths = [&](const std::string& from, const std::string& to) {
    return fetcher().git().ChangedPaths(Context::Background(), context, from, to, limits_,
                                        VertexProgress(&sink_, "v", "paths"));
  };
  const std::vector<std::string> all = {"docs/a.md", "docs/b.md", "gone", "one", "sub/new/file", "sub/s"};
  const auto changed = paths(before, after);
  ASSERT_TRUE(changed.ok()) << changed.status().message();
  EXPECT_EQ(*changed, all);
  EXPECT_EQ(*paths(after, before), all);
  EXPECT_EQ(*paths("", before), all) << "the default branch";
  EXPECT_EQ(*paths("main", after), std::vector<std::string>());
  EXPECT_EQ(paths(std::string(40, 'a'), after).code(), Code::kNotFound);
  limits_.max_entries = 5;
  EXPECT_EQ(paths(before, after).code(), Code::kResourceExhausted);
}

TEST_F(GitTest, EveryWayToNameACommit) {
  GitRepository repository = Simple();
  const std::string first = repository.Git({"rev-parse", "HEAD"});
  repository.Git({"tag", "light"});
  repository.Git({"tag", "-a", "-m", "t", "v1"});
  repository.Git({"update-ref", "refs/pull/7/head", "HEAD"});
  repository.Git({"update-ref", "refs/pull/7/merge", "HEAD"});
  repository.Git({"checkout", "-q", "-b", "dev/a"});
  repository.Write("two", "two\n");
  const std::string second = repository.Commit("second");
  repository.Git({"checkout", "-q", "main"});
  repository.Write("three", "three\n");
  const std::string third = repository.Commit("third");
  struct Case {
    std::string ref, commit, branch;
  };
  for (const Case& c : std::vector<Case>{{"", third, "main"},
                                         {"#HEAD", third, "main"},
                                         {"#main", third, "main"},
                                         {"#refs/heads/main", third, "main"},
                                         {"#dev/a", second, "dev/a"},
                                         {"#light", first, ""},
                                         {"#v1", first, ""},
                                         {"#refs/tags/v1", first, ""},
                                         {"#tags/v1", first, ""},
                                         {"#pull/7/head", first, ""},
                                         {"#refs/pull/7/merge", first, ""},
                                         {"#" + second, second, ""},
                                         {"#" + first, first, ""},
                                         {"#" + second.substr(0, 8), second, ""},
                                         {"#" + first.substr(0, 7), first, ""},
                                         {"?ref=v1", first, ""},
                                         {"?branch=dev/a", second, "dev/a"},
                                         {"?tag=v1", first, ""}}) {
    for (const std::string& base : {server_.Url("x.git"), "file://" + repository.folder()}) {
      const auto context = FetchGit(base + c.ref);
      ASSERT_TRUE(context.ok()) << base << c.ref << ": " << context.status().message();
      EXPECT_EQ(context->revision, c.commit) << c.ref;
      EXPECT_EQ(context->branch, c.branch) << c.ref;
    }
  }
}

TEST_F(GitTest, BranchWinsOverTagOfTheSameName) {
  GitRepository repository = Simple();
  repository.Git({"tag", "both"});
  repository.Git({"checkout", "-q", "-b", "both"});
  const std::string second = repository.Commit("second");
  const auto context = FetchGit(server_.Url("x.git") + "#both");
  ASSERT_TRUE(context.ok()) << context.status().message();
  EXPECT_EQ(context->revision, second);
}

TEST_F(GitTest, NoHistoryIsDownloaded) {
  GitRepository repository = Simple();
  for (int i = 0; i < 20; ++i) {
    repository.Write("one", std::to_string(i));
    repository.Commit("more");
  }
  ASSERT_TRUE(FetchGit(server_.Url("x.git")).ok());
  EXPECT_LE(sink_.FetchedObjects(), 6);  // commit, two trees, three files
}

TEST_F(GitTest, LaterFetchTransfersOnlyWhatIsNew) {
  GitRepository repository = Simple();
  for (int i = 0; i < 50; ++i) repository.Write(fmt::format("many/{}", i), std::to_string(i));
  repository.Commit("many");
  ASSERT_TRUE(FetchGit(server_.Url("x.git")).ok());
  EXPECT_GT(sink_.FetchedObjects(), 50);
  sink_.Clear();
  repository.Write("one", "changed\n");
  const std::string commit = repository.Commit("change");
  Reopen();
  const auto context = FetchGit(server_.Url("x.git"));
  ASSERT_TRUE(context.ok()) << context.status().message();
  EXPECT_EQ(context->revision, commit);
  EXPECT_EQ(sink_.FetchedObjects(), 3);  // commit, root tree, file
  EXPECT_EQ(Read(*context, "one"), "changed\n");
  EXPECT_EQ(Read(*context, "many/7"), "7");
}

TEST_F(GitTest, ContentOfAnEarlierCommitThatComesBackIsThere) {
  // The server must not believe that we have what was before the cut.
  GitRepository repository = Simple();
  const std::string old_text(5000, 'q');
  repository.Write("back", old_text);
  repository.Commit("with");
  repository.Remove("back");
  repository.Commit("without");
  repository.Git({"repack", "-q", "-a", "-d", "-b"});
  ASSERT_TRUE(FetchGit(server_.Url("x.git")).ok());
  repository.Write("back", old_text);
  repository.Commit("again");
  const auto context = FetchGit(server_.Url("x.git"));
  ASSERT_TRUE(context.ok()) << context.status().message();
  EXPECT_EQ(Read(*context, "back"), old_text);
  EXPECT_THAT(sink_.Text(), Not(HasSubstr("incomplete")));
}

TEST_F(GitTest, UnchangedBranchCostsOneRequest) {
  Simple();
  ASSERT_TRUE(FetchGit(server_.Url("x.git")).ok());
  const size_t before = server_.requests();
  const auto context = FetchGit(server_.Url("x.git"));
  ASSERT_TRUE(context.ok());
  EXPECT_EQ(server_.requests() - before, 1U);
  EXPECT_EQ(Read(*context, "one"), "one\n");
}

TEST_F(GitTest, KnownCommitNeedsNoNetwork) {
  GitRepository repository = Simple();
  const std::string commit = repository.Git({"rev-parse", "HEAD"});
  ASSERT_TRUE(FetchGit(server_.Url("x.git") + "#" + commit).ok());
  const size_t before = server_.requests();
  ASSERT_TRUE(FetchGit(server_.Url("x.git") + "#" + commit).ok());
  EXPECT_EQ(server_.requests(), before);
}

TEST_F(GitTest, ServerWithoutCommitsByIdGivesItsWholeHistory) {
  GitRepository repository = Simple();
  const std::string first = repository.Git({"rev-parse", "HEAD"});
  repository.Write("one", "1");
  repository.Commit("second");
  repository.Git({"config", "uploadpack.allowAnySHA1InWant", "false"});
  ASSERT_TRUE(FetchGit(server_.Url("x.git")).ok());  // cut off: history must be completed later
  const auto context = FetchGit(server_.Url("x.git") + "#" + first);
  ASSERT_TRUE(context.ok()) << context.status().message();
  EXPECT_EQ(Read(*context, "one"), "one\n");
}

TEST_F(GitTest, ACommitThatOnlyAnotherReferenceLeadsToIsFetchedThroughIt) {
  GitRepository repository = Simple();
  // What a git host shows of a pull request from a fork: a reference of its own, which moves on.
  repository.Git({"checkout", "-q", "-b", "proposal"});
  repository.Write("one", "proposed");
  const std::string proposed = repository.Commit("proposal");
  repository.Write("one", "proposed again");
  repository.Git({"update-ref", "refs/pull/7/head", repository.Commit("second thoughts")});
  repository.Git({"checkout", "-q", "main"});
  repository.Git({"branch", "-q", "-D", "proposal"});
  repository.Git({"config", "uploadpack.allowAnySHA1InWant", "false"});
  const std::string x = server_.Url("x.git");
  EXPECT_EQ(FetchGit(x + "#" + proposed).code(), Code::kNotFound);
  const auto context = FetchGit(x + "?via=refs%2Fpull%2F7%2Fhead#" + proposed);
  ASSERT_TRUE(context.ok()) << context.status().message();
  EXPECT_EQ(context->revision, proposed);
  EXPECT_EQ(Read(*context, "one"), "proposed");
  const auto gone = FetchGit(x + "?via=refs/pull/8/head#" + std::string(40, '1'));
  EXPECT_EQ(gone.code(), Code::kNotFound) << gone.status().message();
}

TEST_F(GitTest, MissingThingsAreNamed) {
  GitRepository repository = Simple();
  repository.Git({"tag", "release-1"});
  struct Case {
    std::string url;
    Code code;
    std::string text;
  };
  const std::string x = server_.Url("x.git");
  for (const Case& c : std::vector<Case>{
           {x + "#nope", Code::kNotFound, "has no branch, tag or commit 'nope'"},
           {x + "#releese-1", Code::kNotFound, "did you mean 'release-1'?"},
           {x + "#1234567890123456789012345678901234567890", Code::kNotFound, "no branch, tag or commit '1234"},
           {x + "#abcdef1", Code::kNotFound, "no branch, tag or commit 'abcdef1'"},
           {x + "#a..b", Code::kInvalidArgument, "'a..b' is no name"},
           {x + "#main:sup", Code::kNotFound, "no folder 'sup' in the commit; did you mean 'sub'?"},
           {x + "#main:one", Code::kInvalidArgument, "'one' is a file, not a folder"},
           {server_.Url("y.git"), Code::kNotFound, "there is no repository"},
           {"file://" + server_.folder(), Code::kFailedPrecondition, "is not a git repository"},
           {"file:///nowhere/x.git", Code::kNotFound, "there is no repository '/nowhere/x.git'"},
           {"http://127.0.0.1:1/x.git", Code::kUnavailable, "127.0.0.1:1"},
       }) {
    const auto context = FetchGit(c.url);
    ASSERT_FALSE(context.ok()) << c.url;
    EXPECT_EQ(context.code(), c.code) << c.url << ": " << context.status().message();
    EXPECT_THAT(context.status().message(), HasSubstr(c.text)) << c.url;
  }
}

TEST_F(GitTest, EmptyRepositoryIsSaidToBe) {
  server_.Add("empty.git");
  for (const std::string& url : {server_.Url("empty.git"), "file://" + server_.folder() + "/empty.git"}) {
    const auto context = FetchGit(url);
    EXPECT_EQ(context.code(), Code::kNotFound);
    EXPECT_THAT(context.status().message(), HasSubstr("is empty"));
  }
}

TEST_F(GitTest, WebPageIsNoRepository) {
  const testing::ScriptedHttpServer web([](const testing::ScriptedRequest&) {
    return testing::ScriptedReply{
        .status = 200, .headers = {{"Content-Type", "text/html"}}, .body = "<html>hello</html>"};
  });
  const auto context = FetchGit(web.Url("/x.git"));
  EXPECT_EQ(context.code(), Code::kFailedPrecondition);
  EXPECT_THAT(context.status().message(), HasSubstr("is not a git repository"));
}

TEST_F(GitTest, FolderIsTheRootAndFollowsLinksInside) {
  GitRepository repository = Simple();
  repository.Write("deep/er/f", "f");
  repository.Link("to-deep", "deep");
  repository.Link("deep/up", "../deep/er/.");
  repository.Link("out", "../outside");
  repository.Link("abs", "/etc");
  repository.Link("loop", "loop");
  repository.Commit("folders");
  const std::string x = server_.Url("x.git");
  for (const char* folder : {"deep/er", "to-deep/er/", "deep/up", "/deep//er", "sub/../deep/er"}) {
    const auto context = FetchGit(x + "#main:" + folder);
    ASSERT_TRUE(context.ok()) << folder << ": " << context.status().message();
    EXPECT_EQ(List(*context), "f f 1\n") << folder;
  }
  for (const char* folder : {"out", "abs", "../x", "loop"}) {
    const auto context = FetchGit(x + "#main:" + folder);
    EXPECT_EQ(context.code(), Code::kInvalidArgument) << folder << ": " << context.status().message();
  }
  const auto by_query = FetchGit(x + "?ref=main&subdir=deep/er");
  ASSERT_TRUE(by_query.ok()) << by_query.status().message();
  EXPECT_EQ(List(*by_query), "f f 1\n");
}

/// The bytes of an entry in a tree object, whatever its name.
std::string TreeEntry(const std::string& mode, const std::string& name, const std::string& oid) {
  std::string bytes = mode + " " + name;
  bytes.push_back('\0');
  for (size_t i = 0; i < oid.size(); i += 2)
    bytes.push_back(static_cast<char>(std::stoi(oid.substr(i, 2), nullptr, 16)));
  return bytes;
}

/// Writes a tree object, whatever is in it, and a commit of it.
std::string CommitOfTree(const GitRepository& repository, const std::string& bytes) {
  EXPECT_TRUE(fs::WriteFileAtomic(repository.folder() + "/../tree", bytes).ok());
  const std::string tree = repository.Git({"hash-object", "-t", "tree", "--literally", "-w", "../tree"});
  const std::string commit = repository.Git({"commit-tree", "-m", "hostile", tree});
  repository.Git({"update-ref", "refs/heads/hostile", commit});
  return commit;
}

std::string CommitOfName(const GitRepository& repository, const std::string& mode, const std::string& name) {
  return CommitOfTree(repository, TreeEntry(mode, name, repository.Git({"rev-parse", "HEAD:one"})));
}

TEST_F(GitTest, HostileNamesAreRefused) {
  GitRepository repository = Simple();
  for (const std::string name : {"..", ".", ".git", ".GIT", ".gIt", "a/b", "../../x"}) {
    CommitOfName(repository, "100644", name);
    for (const std::string& url : {server_.Url("x.git"), "file://" + repository.folder()}) {
      const auto context = FetchGit(url + "#hostile");
      EXPECT_FALSE(context.ok()) << name;
      EXPECT_THAT(context.status().message(), HasSubstr("name that is not allowed")) << name;
    }
  }
}

TEST_F(GitTest, NamesThatComeTwiceAreRefused) {
  GitRepository repository = Simple();
  const std::string blob = repository.Git({"rev-parse", "HEAD:one"});
  const std::string folder = repository.Git({"rev-parse", "HEAD^{tree}"});
  const std::string between = TreeEntry("100644", "a.b", blob);
  const std::string link = TreeEntry("120000", "a", blob);
  const std::string below = TreeEntry("40000", "a", folder);
  const std::string file = TreeEntry("100644", "a", blob);
  for (const std::string& bytes : {link + between + below, below + link, file + file, file + below}) {
    CommitOfTree(repository, bytes);
    for (const std::string& url : {server_.Url("x.git"), "file://" + repository.folder()}) {
      const auto context = FetchGit(url + "#hostile");
      EXPECT_EQ(context.code(), Code::kInvalidArgument) << context.status().message();
      EXPECT_THAT(context.status().message(), HasSubstr("holds 'a' twice"));
    }
  }
}

TEST_F(GitTest, FolderThatIsAFileInDisguiseIsRefused) {
  GitRepository repository = Simple();
  CommitOfName(repository, "40000", "folder");  // the object is a blob
  const auto context = FetchGit(server_.Url("x.git") + "#hostile");
  EXPECT_FALSE(context.ok());
}

TEST_F(GitTest, LocalRepositoriesOnlyWhereAllowed) {
  options_.git.allow_local = false;
  GitRepository repository = Simple();
  for (const std::string& url : {"file://" + repository.folder(), repository.folder()}) {
    EXPECT_EQ(FetchGit(url).code(), Code::kPermissionDenied);
  }
}

TEST_F(GitTest, UserInTheAddressOfAPublicRepositoryDoesNoHarm) {
  GitRepository repository = Simple();
  const testing::ScriptedHttpServer front([this](const testing::ScriptedRequest& request) -> testing::ScriptedReply {
    if (request.headers.Has("Authorization")) return {.status = 401};
    return {.status = 302, .headers = {{"Location", server_.Url("x.git") + request.target.substr(6)}}};
  });
  const auto context = FetchGit("http://git@" + front.host() + "/x.git");
  ASSERT_TRUE(context.ok()) << context.status().message();
}

TEST_F(GitTest, TransientFailuresAreRetried) {
  Simple();
  server_.failures = 2;
  const auto context = FetchGit(server_.Url("x.git"));
  ASSERT_TRUE(context.ok()) << context.status().message();
}

TEST_F(GitTest, RedirectOfTheListMovesThePackToo) {
  Simple();
  server_.redirects["/old.git"] = server_.Url("x.git");
  const auto context = FetchGit(server_.Url("old.git"));
  ASSERT_TRUE(context.ok()) << context.status().message();
  EXPECT_EQ(Read(*context, "one"), "one\n");
}

TEST_F(GitTest, LimitsAreNamed) {
  GitRepository repository = Simple();
  limits_.max_entries = 3;
  EXPECT_EQ(FetchGit(server_.Url("x.git")).code(), Code::kResourceExhausted);
  EXPECT_THAT(FetchGit(server_.Url("x.git")).status().message(), HasSubstr("context.max_entries"));
  limits_ = {};
  limits_.max_file_bytes = 3;
  EXPECT_THAT(FetchGit(server_.Url("x.git")).status().message(), HasSubstr("context.max_file_bytes"));
  limits_ = {};
  limits_.max_total_bytes = 5;
  Simple("y.git");
  EXPECT_THAT(FetchGit(server_.Url("y.git")).status().message(), HasSubstr("to download; the operator's limit is"));
  for (const std::string& url : {"file://" + repository.folder(), server_.Url("x.git")}) {
    const auto context = FetchGit(url);
    EXPECT_EQ(context.code(), Code::kResourceExhausted);
    EXPECT_THAT(context.status().message(), HasSubstr("context.max_total_bytes")) << url;
  }
}

TEST_F(GitTest, CancelledBeforeAndWhileWaiting) {
  Simple();
  const Context ctx = Context::Background().Child();
  const testing::ScriptedHttpServer slow([&ctx](const testing::ScriptedRequest&) {
    ctx.Cancel(Cancelled("enough"));
    return testing::ScriptedReply{.drop = true};
  });
  const auto context = fetcher().Fetch(ctx, GitContext{.url = slow.Url("/x.git")}, limits_, {});
  EXPECT_EQ(context.code(), Code::kCancelled) << context.status().message();
}

TEST_F(GitTest, ChecksumIsOfCommitOrTag) {
  GitRepository repository = Simple();
  repository.Git({"tag", "-a", "-m", "t", "v1"});
  const std::string commit = repository.Git({"rev-parse", "HEAD"});
  const std::string tag = repository.Git({"rev-parse", "v1"});
  const std::string url = server_.Url("x.git") + "#v1";
  EXPECT_TRUE(Fetch(GitContext{.url = url, .checksum = commit}).ok());
  EXPECT_TRUE(Fetch(GitContext{.url = url, .checksum = tag}).ok());
  EXPECT_TRUE(Fetch(GitContext{.url = url, .checksum = commit.substr(0, 9)}).ok());
  EXPECT_TRUE(FetchGit(server_.Url("x.git") + "?ref=v1&checksum=" + commit).ok());
  const auto other = Fetch(GitContext{.url = url, .checksum = std::string(40, '0')});
  EXPECT_EQ(other.code(), Code::kFailedPrecondition);
  EXPECT_THAT(other.status().message(), HasSubstr("expected checksum to match 000"));
  EXPECT_EQ(Fetch(GitContext{.url = url, .checksum = "sha256:00"}).code(), Code::kInvalidArgument);
}

TEST_F(GitTest, ResolveDownloadsNothing) {
  GitRepository repository = Simple();
  const auto commit = fetcher().git().Resolve(Context::Background(), {.url = server_.Url("x.git")},
                                              VertexProgress(&sink_, "v", "resolve"));
  ASSERT_TRUE(commit.ok()) << commit.status().message();
  EXPECT_EQ(commit->id, repository.Git({"rev-parse", "HEAD"}));
  EXPECT_EQ(commit->ref, "refs/heads/main");
  EXPECT_EQ(server_.requests(), 1U);
  EXPECT_EQ(sink_.FetchedObjects(), 0);
}

TEST_F(GitTest, ResolvedCommitIsFetchedThoughTheBranchMovedOn) {
  GitRepository repository = Simple();
  for (const bool by_id : {true, false}) {
    const GitContext context{.url = server_.Url("x.git")};
    const auto commit = fetcher().git().Resolve(Context::Background(), context, {});
    ASSERT_TRUE(commit.ok()) << commit.status().message();
    repository.Write("later", by_id ? "1" : "2");
    repository.Commit("later");
    repository.Git({"config", "uploadpack.allowAnySHA1InWant", by_id ? "true" : "false"});
    const auto fetched = fetcher().git().FetchCommit(Context::Background(), context, *commit, limits_, {});
    ASSERT_TRUE(fetched.ok()) << fetched.status().message();
    EXPECT_EQ(fetched->revision, commit->id);
    EXPECT_EQ(fetched->branch, "main");
  }
}

TEST_F(GitTest, IdentityIsOfWhatShowsInTheTree) {
  GitRepository repository = Simple();
  repository.Git({"tag", "v1"});
  const auto identity = [&](const std::string& rest, bool keep = false) {
    const auto commit =
        fetcher().git().Resolve(Context::Background(), {.url = server_.Url("x.git") + rest, .keep_git_dir = keep}, {});
    return commit.ok() ? commit->identity : commit.status().message();
  };
  EXPECT_EQ(identity("#main"), identity("#v1"));
  EXPECT_EQ(identity("#main:sub"), identity("?ref=v1&subdir=/sub/"));
  EXPECT_NE(identity("#main"), identity("#main:sub"));
  EXPECT_NE(identity("#main"), identity("?submodules=false"));
  EXPECT_NE(identity("#main"), identity("#main", true));
  EXPECT_EQ(identity("?keep-git-dir=true"), identity("#main", true));
}

TEST_F(GitTest, PointersOfLargeFilesAreToldOf) {
  GitRepository repository = Simple();
  repository.Write("big.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n");
  repository.Commit("lfs");
  for (int i = 0; i < 2; ++i) {
    sink_.Clear();
    ASSERT_TRUE(FetchGit(server_.Url("x.git")).ok());
    EXPECT_THAT(sink_.Text(), HasSubstr("1 file is kept by Git LFS"));
  }
}

TEST_F(GitTest, DamagedMirrorIsMended) {
  GitRepository repository = Simple();
  const std::string commit = repository.Git({"rev-parse", "HEAD"});
  ASSERT_TRUE(FetchGit(server_.Url("x.git")).ok());
  // The commit as a loose object, but nothing that it refers to.
  fetcher_.reset();
  const std::string git = dir_.path() + "/sources/git";
  const auto mirrors = fs::ListDir(git);
  ASSERT_TRUE(mirrors.ok());
  for (const std::string& name : *mirrors) {
    const std::string objects = git + "/" + name + "/git/objects";
    if (!fs::Exists(objects)) continue;
    ASSERT_TRUE(fs::RemoveAll(objects + "/pack").ok());
    ASSERT_TRUE(fs::MakeDirs(objects + "/pack").ok());
    const std::string loose = "/" + commit.substr(0, 2) + "/" + commit.substr(2);
    ASSERT_TRUE(fs::MakeDirs(objects + "/" + commit.substr(0, 2)).ok());
    ASSERT_TRUE(
        fs::WriteFileAtomic(objects + loose, fs::ReadFile(repository.folder() + "/.git/objects" + loose).value()).ok());
  }
  ASSERT_TRUE(fs::RemoveAll(dir_.path() + "/sources/memo.db").ok());
  Reopen();
  const auto context = FetchGit(server_.Url("x.git"));
  ASSERT_TRUE(context.ok()) << context.status().message();
  EXPECT_EQ(Read(*context, "sub/s"), "s\n");
  EXPECT_THAT(sink_.Text(), HasSubstr("incomplete; fetching the commit again"));
}

TEST_F(GitTest, CollectedContentIsReadAnew) {
  Simple();
  ASSERT_TRUE(FetchGit(server_.Url("x.git")).ok());
  ASSERT_TRUE(store_->Collect(Context::Background(), {}, {}).ok());
  const auto context = FetchGit(server_.Url("x.git"));
  ASSERT_TRUE(context.ok()) << context.status().message();
  EXPECT_EQ(Read(*context, "one"), "one\n");
}

TEST_F(GitTest, UnusedMirrorsAreCollected) {
  Simple();
  ASSERT_TRUE(FetchGit(server_.Url("x.git")).ok());
  EXPECT_GT(fetcher().TotalBytes().value(), 0U);
  ASSERT_TRUE(fetcher().Collect(Context::Background(), std::chrono::hours(1)).ok());
  const size_t before = server_.requests();
  ASSERT_TRUE(FetchGit(server_.Url("x.git")).ok());
  EXPECT_EQ(server_.requests() - before, 1U);
  ASSERT_TRUE(fetcher().Collect(Context::Background(), std::chrono::seconds(-5)).ok());
  EXPECT_EQ(fetcher().TotalBytes().value(), 0U);
  ASSERT_TRUE(FetchGit(server_.Url("x.git")).ok());
}

TEST_F(GitTest, SameMirrorFromManyThreads) {
  GitRepository repository = Simple();
  repository.Git({"tag", "v1"});
  repository.Write("two", "2");
  repository.Commit("second");
  fetcher();
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const auto context = FetchGit(server_.Url("x.git") + (i % 2 == 0 ? "#v1" : ""));
      if (context.ok() && (context->tree->Find("two") != nullptr) == (i % 2 == 1)) ++good;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 8);
}

class PrivateGitTest : public SourceTest {
 protected:
  void SetUp() override {
    if (const std::string why = testing::WhyNoGit(); !why.empty()) GTEST_SKIP() << why;
    GitRepository repository = server_.Add("x.git");
    repository.Write("f", "secret\n");
    commit_ = repository.Commit("first");
  }
  GitServer server_{{.user = "x-access-token", .password = "t0ken/1"}};
  std::string commit_;
};

TEST_F(PrivateGitTest, TokenInUrlOrApart) {
  EXPECT_TRUE(FetchGit(server_.Url("x.git", "t0ken%2F1")).ok());
  EXPECT_TRUE(FetchGit(server_.Url("x.git", "x-access-token:t0ken%2F1")).ok());
  EXPECT_TRUE(Fetch(GitContext{.url = server_.Url("x.git"), .token = "t0ken/1"}).ok());
}

TEST_F(PrivateGitTest, MissingAndWrongTokensAreTold) {
  const auto none = FetchGit(server_.Url("x.git"));
  EXPECT_EQ(none.code(), Code::kUnauthenticated);
  EXPECT_THAT(none.status().message(), HasSubstr("reading it takes credentials"));
  const auto wrong = FetchGit(server_.Url("x.git", "wr0ng"));
  EXPECT_EQ(wrong.code(), Code::kUnauthenticated);
  EXPECT_THAT(wrong.status().message(), HasSubstr("refuses these credentials"));
  EXPECT_THAT(wrong.status().message(), Not(HasSubstr("wr0ng")));
}

TEST_F(PrivateGitTest, KnownCommitIsNotGivenToStrangers) {
  ASSERT_TRUE(FetchGit(server_.Url("x.git", "t0ken%2F1")).ok());
  EXPECT_EQ(FetchGit(server_.Url("x.git") + "#" + commit_).code(), Code::kUnauthenticated);
  const size_t before = server_.requests();
  EXPECT_TRUE(FetchGit(server_.Url("x.git", "t0ken%2F1") + "#" + commit_).ok());
  EXPECT_EQ(server_.requests(), before);
}

TEST_F(PrivateGitTest, NoTokenIsWrittenAnywhere) {
  ASSERT_TRUE(Fetch(GitContext{.url = server_.Url("x.git", "t0ken%2F1"), .keep_git_dir = true}).ok());
  EXPECT_THAT(sink_.Text(), Not(HasSubstr("t0ken")));
  SpawnOptions grep{.argv = {"grep", "-r", "-l", "-a", "t0ken", dir_.path()}};
  const auto found = RunProgram(Context::Background(), grep);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->out, "");
}

TEST_F(PrivateGitTest, TokenDoesNotFollowARedirectToAnotherHost) {
  GitServer other;
  GitRepository repository = other.Add("y.git");
  repository.Write("f", "public");
  repository.Commit("first");
  GitServer front({.user = "x-access-token", .password = "t0ken/1"});
  front.redirects["/y.git"] = other.Url("y.git");
  const auto context = FetchGit(front.Url("y.git", "t0ken%2F1"));
  ASSERT_TRUE(context.ok()) << context.status().message();
}

TEST_F(PrivateGitTest, TokenIsNotSentOverPlainHttpToOthers) {
  const auto context = Fetch(GitContext{.url = "http://git.example.com/x.git", .token = "t"});
  EXPECT_EQ(context.code(), Code::kFailedPrecondition);
  EXPECT_THAT(context.status().message(), HasSubstr("not sent over plain HTTP"));
}

}  // namespace
}  // namespace slipway::source
