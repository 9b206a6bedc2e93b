#include "cli/dockerfile_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "executor/base/pattern_matcher.h"
#include "tests/cli/folder.h"

namespace slipway::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DockerfileChoiceTest : public ::testing::Test {
 protected:
  Result<DockerfileChoice> Choose(const std::string& flag, int stdin_fd = -1) {
    return ChooseDockerfile({.kind = SourceKind::kFolder, .text = folder_.path()}, flag, stdin_fd);
  }
  // A descriptor that gives `text`, then ends.
  UniqueFd Stdin(const std::string& text) {
    folder_.Write("stdin", text);
    return std::move(fs::Open(folder_.At("stdin"), O_RDONLY)).value();
  }
  Folder folder_;
};

TEST_F(DockerfileChoiceTest, DefaultIsDockerfileThenItsLowerCase) {
  folder_.Write("dockerfile", "FROM b");
  EXPECT_EQ(Choose("")->context_path, "dockerfile");
  folder_.Write("Dockerfile", "FROM a");
  EXPECT_EQ(Choose("")->context_path, "Dockerfile");
}

TEST_F(DockerfileChoiceTest, LowerCaseStandsInForANamedOneToo) {
  folder_.Write("dockerfile", "FROM b");
  folder_.Write("sub/dockerfile", "FROM c");
  EXPECT_EQ(Choose(folder_.At("Dockerfile"))->context_path, "dockerfile");
  EXPECT_EQ(Choose("sub/Dockerfile")->context_path, "sub/dockerfile");
  EXPECT_EQ(Choose("sub/dockerFile").code(), Code::kNotFound);
}

TEST_F(DockerfileChoiceTest, MissingDefaultNamesThePlace) {
  const auto choice = Choose("");
  EXPECT_EQ(choice.code(), Code::kNotFound);
  EXPECT_THAT(choice.status().message(), HasSubstr("failed to read Dockerfile: '" + folder_.At("Dockerfile")));
}

TEST_F(DockerfileChoiceTest, AbsolutePathInTheContextIsReadThere) {
  folder_.Write("build/My.Dockerfile", "FROM a");
  const auto choice = Choose(folder_.At("build/My.Dockerfile"));
  ASSERT_TRUE(choice.ok());
  EXPECT_EQ(choice->context_path, "build/My.Dockerfile");
  EXPECT_FALSE(choice->apart);
}

TEST_F(DockerfileChoiceTest, RelativePathIsOfTheContextWhereTheCurrentFolderHasNone) {
  folder_.Write("build/Dockerfile.special-name", "FROM a");
  EXPECT_EQ(Choose("build/Dockerfile.special-name")->context_path, "build/Dockerfile.special-name");
  EXPECT_EQ(Choose("build/../build/Dockerfile.special-name")->context_path, "build/Dockerfile.special-name");
}

TEST_F(DockerfileChoiceTest, FileOutsideTheContextIsSentApart) {
  const Folder other;
  other.Write("Dockerfile.x", "FROM outside");
  const auto choice = Choose(other.At("Dockerfile.x"));
  ASSERT_TRUE(choice.ok());
  EXPECT_TRUE(choice->apart);
  EXPECT_EQ(choice->content, "FROM outside");
  EXPECT_EQ(choice->context_path, "Dockerfile.x");
}

TEST_F(DockerfileChoiceTest, LinkIsFollowedAndSentApart) {
  folder_.Write("real/D", "FROM linked");
  folder_.Symlink("real/D", "Dockerfile");
  const auto choice = Choose("");
  ASSERT_TRUE(choice.ok());
  EXPECT_EQ(choice->content, "FROM linked");
}

TEST_F(DockerfileChoiceTest, FolderThatBeginsWithTheContextsNameIsNotInIt) {
  const std::string sibling = folder_.path() + "-more";
  ASSERT_TRUE(fs::MakeDirs(sibling).ok());
  ASSERT_TRUE(fs::WriteFileAtomic(sibling + "/Dockerfile", "FROM s").ok());
  EXPECT_TRUE(Choose(sibling + "/Dockerfile")->apart);
  EXPECT_TRUE(fs::RemoveAll(sibling).ok());
}

TEST_F(DockerfileChoiceTest, DashReadsStandardInput) {
  const UniqueFd fd = Stdin("FROM stdin");
  const auto choice = Choose("-", fd.get());
  ASSERT_TRUE(choice.ok());
  EXPECT_EQ(choice->content, "FROM stdin");
  EXPECT_TRUE(choice->apart);
}

TEST_F(DockerfileChoiceTest, ArchiveOnStandardInputIsRefused) {
  std::string tar(512, '\0');
  tar.replace(257, 5, "ustar");
  for (const std::string& bytes : {tar, std::string("\x1f\x8b\x08rest")}) {
    const UniqueFd fd = Stdin(bytes);
    const auto choice = ChooseDockerfile({.kind = SourceKind::kStdin}, "", fd.get());
    EXPECT_EQ(choice.code(), Code::kUnimplemented);
    EXPECT_THAT(choice.status().message(), HasSubstr("archive"));
  }
}

TEST_F(DockerfileChoiceTest, EmptyAndHugeDockerfilesOnStandardInputAreRefused) {
  const UniqueFd empty = Stdin("");
  EXPECT_EQ(Choose("-", empty.get()).code(), Code::kInvalidArgument);
  const UniqueFd huge = Stdin(std::string(kMaxDockerfileBytes + 1, 'x'));
  EXPECT_EQ(Choose("-", huge.get()).code(), Code::kResourceExhausted);
}

TEST_F(DockerfileChoiceTest, BytesThatAreNoUtf8AreReplaced) {
  const UniqueFd fd = Stdin("FROM a # caf\xe9\n");
  EXPECT_EQ(Choose("-", fd.get())->content, "FROM a # caf\xef\xbf\xbd\n");
  folder_.Write("D\xe9", "FROM b");
  EXPECT_TRUE(Choose("D\xe9")->apart);
}

TEST_F(DockerfileChoiceTest, RemoteContextKeepsTheFlagAsAPathInIt) {
  const SourceLocation remote{.kind = SourceKind::kRemote, .text = "https://host/x.git"};
  EXPECT_EQ(ChooseDockerfile(remote, "docker/Dockerfile", -1)->context_path, "docker/Dockerfile");
  EXPECT_EQ(ChooseDockerfile(remote, "", -1)->context_path, "");
  const auto absolute = ChooseDockerfile(remote, folder_.At("Dockerfile"), -1);
  EXPECT_EQ(absolute->context_path, "Dockerfile");
  EXPECT_THAT(absolute->note, HasSubstr("not on this machine"));
  folder_.Write("Dockerfile", "FROM local");
  EXPECT_EQ(ChooseDockerfile(remote, folder_.At("Dockerfile"), -1)->content, "FROM local");
}

TEST_F(DockerfileChoiceTest, WithoutContextTheDockerfileIsSentApart) {
  folder_.Write("D", "FROM scratch");
  const auto choice = ChooseDockerfile({.kind = SourceKind::kNone}, folder_.At("D"), -1);
  ASSERT_TRUE(choice.ok());
  EXPECT_EQ(choice->content, "FROM scratch");
}

TEST_F(DockerfileChoiceTest, IgnoreFileBesideTheDockerfileGoesBeforeTheGeneralOne) {
  folder_.Write("my.Dockerfile", "FROM a");
  folder_.Write("Dockerfile", "FROM a");
  folder_.Write(".dockerignore", "general\n");
  folder_.Write("my.Dockerfile.dockerignore", "special\n");
  EXPECT_THAT(*ReadIgnorePatterns(folder_.path(), *Choose("my.Dockerfile")), ElementsAre("special"));
  EXPECT_THAT(*ReadIgnorePatterns(folder_.path(), *Choose("")), ElementsAre("general"));
  folder_.Write("my.Dockerfile.dockerignore", "");
  EXPECT_THAT(*ReadIgnorePatterns(folder_.path(), *Choose("my.Dockerfile")), IsEmpty());
}

TEST_F(DockerfileChoiceTest, ACheckLooksAtTheDockerfileAndTheIgnoreFiles) {
  folder_.Write("d/My[1].Dockerfile", "FROM a");
  const auto patterns = PatternsForCheck(*Choose("d/My[1].Dockerfile"));
  const auto matcher = PatternMatcher::Make(patterns);
  ASSERT_TRUE(matcher.ok()) << matcher.status().message();
  for (const char* kept : {"d/My[1].Dockerfile", "d/My[1].Dockerfile.dockerignore", ".dockerignore"}) {
    EXPECT_FALSE(matcher->Matches(kept)) << kept;
  }
  for (const char* left_out : {"d/My1.Dockerfile", "d/.dockerignore", "src/main.c"}) {
    EXPECT_TRUE(matcher->Matches(left_out)) << left_out;
  }
}

TEST_F(DockerfileChoiceTest, AnIgnoreFileIsSentThoughItLeavesItselfOut) {
  folder_.Write("d/Dockerfile", "FROM a");
  folder_.Write(".dockerignore", "*\n");
  const auto sent = [this](const std::string& dockerfile) {
    const DockerfileChoice choice = *Choose(dockerfile);
    std::vector<std::string> patterns = *ReadIgnorePatterns(folder_.path(), choice);
    KeepIgnoreFile(choice, &patterns);
    return patterns;
  };
  EXPECT_THAT(sent("d/Dockerfile"), ElementsAre("*", "!.dockerignore"));
  folder_.Write("d/Dockerfile.dockerignore", "x\n");
  EXPECT_THAT(sent("d/Dockerfile"), ElementsAre("x", "!d/Dockerfile.dockerignore"));
  folder_.Write("d/Dockerfile.dockerignore", "");
  EXPECT_THAT(sent("d/Dockerfile"), IsEmpty());
}

TEST_F(DockerfileChoiceTest, NoIgnoreFileIsNoPattern) {
  folder_.Write("Dockerfile", "FROM a");
  EXPECT_THAT(*ReadIgnorePatterns(folder_.path(), *Choose("")), IsEmpty());
}

}  // namespace
}  // namespace slipway::cli
