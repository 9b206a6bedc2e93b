// Addresses of repositories and what counts as which kind of context.
#include "executor/source/git_url.h"

#include <gtest/gtest.h>

#include "executor/source/context_source.h"
#include "executor/source/http.h"

namespace slipway::source {
namespace {

struct Form {
  std::string text, remote, user, password, ref, folder;
};

TEST(GitUrl, AllForms) {
  for (const Form& form : std::vector<Form>{
           {"https://github.com/o/x.git", "https://github.com/o/x.git", "", "", "", ""},
           {"https://GitHub.com:443/o/x.git#main", "https://github.com/o/x.git", "", "", "main", ""},
           {"https://u:p%40ss@host:8443/o/x.git#v1:a/b", "https://host:8443/o/x.git", "u", "p@ss", "v1", "a/b"},
           {"https://tok%2Fen@host/x.git#:dir", "https://host/x.git", "tok/en", "", "", "dir"},
           {"http://host/x.git?ref=v1&subdir=a%20b", "http://host/x.git", "", "", "v1", "a b"},
           {"git+https://host/x.git", "https://host/x.git", "", "", "", ""},
           {"github.com/o/x#main", "https://github.com/o/x", "", "", "main", ""},
           {"git@host:o/x.git#main:d", "git@host:o/x.git", "git", "", "main", "d"},
           {"ssh://git@host:22/o/x.git", "ssh://git@host/o/x.git", "git", "", "", ""},
           {"ssh://git@host:2222/o/x.git", "ssh://git@host:2222/o/x.git", "git", "", "", ""},
           {"ssh://[::1]/x.git", "ssh://[::1]/x.git", "", "", "", ""},
           {"git://host/x.git", "git://host/x.git", "", "", "", ""},
           {"file:///srv/x.git#v1", "file:///srv/x.git", "", "", "v1", ""},
           {"/srv/x.git#v1", "file:///srv/x.git", "", "", "v1", ""},
           {"https://host/x.git#refs/pull/7/head", "https://host/x.git", "", "", "refs/pull/7/head", ""},
           {"https://host/x.git?branch=a/b", "https://host/x.git", "", "", "refs/heads/a/b", ""},
           {"https://host/x.git#", "https://host/x.git", "", "", "", ""},
       }) {
    const auto url = GitUrl::Parse(form.text);
    ASSERT_TRUE(url.ok()) << form.text << ": " << url.status().message();
    EXPECT_EQ(url->Remote(), form.remote) << form.text;
    EXPECT_EQ(url->user, form.user) << form.text;
    EXPECT_EQ(url->password, form.password) << form.text;
    EXPECT_EQ(url->ref, form.ref) << form.text;
    EXPECT_EQ(url->folder, form.folder) << form.text;
  }
}

TEST(GitUrl, RefusesWhatCouldMeanSomethingElse) {
  for (const char* text : {"",
                           "x",
                           "host:x.git",
                           "https://host",
                           "https://host/",
                           "https:///x.git",
                           "https://-h/x.git",
                           "ssh://-oX=y/x.git",
                           "ssh://-u@host/x.git",
                           "git@-h:x.git",
                           "git@host:-x",
                           "https://host/x .git",
                           "https://host/x\n.git",
                           "https://host:0/x.git",
                           "https://host:70000/x.git",
                           "https://host:x/x.git",
                           "ext::sh",
                           "ftp://host/x.git",
                           "https://host/x.git?version=1",
                           "https://host/x.git?ref=a&tag=b",
                           "https://host/x.git?ref=a#b",
                           "ssh://host/a%0ab.git",
                           "file://host/x.git",
                           "https://host/x.git?submodules=maybe"}) {
    const auto url = GitUrl::Parse(text);
    EXPECT_EQ(url.code(), Code::kInvalidArgument) << text;
  }
}

TEST(GitUrl, ErrorsHoldNoSecret) {
  for (const char* text :
       {"https://s3cret@", "ftp://s3cret@host/x", "https://s3cret@host:x/x.git", "https://host/x.git?token=s3cret"}) {
    const auto url = GitUrl::Parse(text);
    ASSERT_FALSE(url.ok()) << text;
    EXPECT_EQ(url.status().message().find("s3cret"), std::string::npos) << url.status().message();
    EXPECT_EQ(ParseContext(text).status().message().find("s3cret"), std::string::npos) << text;
  }
}

TEST(GitUrl, SameRepositoryHasOneIdentity) {
  const auto identity = [](const char* text) { return GitUrl::Parse(text).value().Identity(); };
  EXPECT_EQ(identity("https://u:p@HOST:443/x.git/#main"), identity("https://host/x.git"));
  EXPECT_NE(identity("http://host/x.git"), identity("https://host/x.git"));
  EXPECT_NE(identity("https://host/X.git"), identity("https://host/x.git"));
}

TEST(ResolveSubmodule, RelativeToTheRepository) {
  const auto resolve = [](const char* parent, const char* url) {
    const auto out = ResolveSubmodule(GitUrl::Parse(parent).value(), url);
    return out.ok() ? out->Remote() : out.status().message();
  };
  EXPECT_EQ(resolve("https://t@host/o/x.git#main:d", "../y.git"), "https://host/o/y.git");
  EXPECT_EQ(resolve("https://host/o/x.git", "../../p/y.git"), "https://host/p/y.git");
  EXPECT_EQ(resolve("https://host/o/x.git", "./y"), "https://host/o/x.git/y");
  EXPECT_EQ(resolve("https://host/o/x.git", "../../../../y"), "https://host/y");
  EXPECT_EQ(resolve("git@host:o/x.git", "../y.git"), "git@host:o/y.git");
  EXPECT_EQ(resolve("file:///srv/x.git", "../y.git"), "file:///srv/y.git");
  EXPECT_EQ(resolve("https://host/o/x.git", "https://other/z.git"), "https://other/z.git");
}

TEST(ParseContext, Kinds) {
  const auto kind = [](std::string_view text) -> std::string {
    const auto spec = ParseContext(text);
    if (!spec.ok()) return std::string(CodeName(spec.code()));
    constexpr std::string_view kNames[] = {"none", "upload", "git", "tarball", "dockerfile"};
    return std::string(kNames[spec->index()]);
  };
  EXPECT_EQ(kind("https://host/x.git"), "git");
  EXPECT_EQ(kind("https://host/x.git#main:dir"), "git");
  EXPECT_EQ(kind("http://host/x.git"), "git");
  EXPECT_EQ(kind("https://host/x.git?ref=main"), "git");
  EXPECT_EQ(kind("git://host/x"), "git");
  EXPECT_EQ(kind("git@host:o/x.git#r:d"), "git");
  EXPECT_EQ(kind("github.com/o/x"), "git");
  EXPECT_EQ(kind("https://dev.azure.com/o/p/_git/r#main"), "git");
  EXPECT_EQ(kind("https://o.visualstudio.com/p/_git/r"), "git");
  EXPECT_EQ(kind("http://dev.azure.com/o/p/_git/r"), "tarball");
  EXPECT_EQ(kind("https://dev.azure.com/o/p/_git/r?version=GBmain"), "tarball");
  EXPECT_EQ(kind("https://github.com/o/x"), "tarball");
  EXPECT_EQ(kind("https://host/x.tar.gz"), "tarball");
  EXPECT_EQ(kind("ssh://git@host/x.git"), "git");
  EXPECT_EQ(kind("git+https://host/x.git"), "git");
  EXPECT_EQ(kind("file:///srv/x"), "git");
  EXPECT_EQ(kind("/srv/x.git"), "git");
  EXPECT_EQ(kind("/srv/x#main"), "git");
  EXPECT_EQ(kind("/srv/x"), "NOT_FOUND");
  EXPECT_EQ(kind("."), "NOT_FOUND");
  EXPECT_EQ(kind("/dev/null"), "none");
  EXPECT_EQ(kind("/DEV/NULL"), "none");
  EXPECT_EQ(kind("OCI://host/x:1"), "UNIMPLEMENTED");
  EXPECT_EQ(kind("s3://bucket/x"), "INVALID_ARGUMENT");
  EXPECT_EQ(kind(""), "INVALID_ARGUMENT");
}

TEST(IsGitUrl, AsDockerfilesReadIt) {
  for (const char* text : {"https://h/x.git", "http://h/x.git#v1:d", "https://h/x.git?ref=1", "git@h:x", "me@h:x.git",
                           "git://h/x", "ssh://h/x"}) {
    EXPECT_TRUE(IsGitUrl(text)) << text;
  }
  for (const char* text : {"https://h/x", "https://h/x.git.tar", "https://h/x?y=.git", "https://h/x#.git", "a/b@c:d",
                           "file.git", "@h:x", "github.com/o/x"}) {
    EXPECT_FALSE(IsGitUrl(text)) << text;
  }
}

TEST(FileNameOf, IsTheLastElement) {
  EXPECT_EQ(FileNameOf("http://h/a/b.txt"), "b.txt");
  EXPECT_EQ(FileNameOf("http://h/a/b.txt?x=/y"), "b.txt");
  EXPECT_EQ(FileNameOf("http://h/a%20b"), "a b");
  EXPECT_EQ(FileNameOf("http://h/a/"), "a");
  EXPECT_EQ(FileNameOf("http://h/"), "");
  EXPECT_EQ(FileNameOf("http://h"), "");
  EXPECT_EQ(FileNameOf("http://h/a/%2e%2e"), "");
}

}  // namespace
}  // namespace slipway::source
