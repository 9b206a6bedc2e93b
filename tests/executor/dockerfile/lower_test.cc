// What instructions do to the image's config and history, and how errors of lowering read.
#include "executor/dockerfile/lower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/executor/dockerfile/lowering.h"

namespace slipway::dockerfile {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

oci::RunConfig ConfigOf(const std::string& text, Images images = {}) {
  const auto lowered = LowerText(text, {}, std::move(images));
  EXPECT_TRUE(lowered.ok()) << lowered.status().message();
  return lowered.ok() ? lowered->config.config : oci::RunConfig();
}

std::string LastHistory(const std::string& text, LowerOptions options = {}) {
  const auto lowered = LowerText(text, std::move(options));
  return lowered.ok() ? lowered->config.history.back().created_by : lowered.status().message();
}

std::string ErrorOf(const std::string& text, LowerOptions options = {}) {
  return LowerText(text, std::move(options)).status().message();
}

std::string PlatformOf(const std::string& text, bool asked, const oci::Platform& base = {"linux", "arm", "v7", ""}) {
  Images images;
  oci::ImageConfig config;
  config.platform = base;
  images.Add("base", config);
  LowerOptions options;
  options.platform_asked = asked;
  const auto lowered = LowerText(text, options, images);
  return lowered.ok() ? lowered->config.platform.ToString() : lowered.status().message();
}

// Images are lowered for linux/amd64 here.
TEST(Platforms, TheOneAskedForIsTheImages) {
  EXPECT_EQ(PlatformOf("FROM --platform=linux/arm/v7 base\n", true), "linux/amd64");
  EXPECT_EQ(PlatformOf("FROM --platform=linux/arm/v7 base AS a\nFROM a\n", true), "linux/amd64");
  EXPECT_EQ(PlatformOf("FROM base\n", true, {"linux", "amd64", "v2", ""}), "linux/amd64/v2");
}

TEST(Platforms, OtherwiseTheImageIsAsItsBase) {
  EXPECT_EQ(PlatformOf("FROM --platform=linux/arm/v7 base\n", false), "linux/arm/v7");
  EXPECT_EQ(PlatformOf("FROM base\n", false, {"linux", "aarch64", "v8", ""}), "linux/arm64");
}

TEST(Platforms, ScratchIsForTheTargetWhateverItsFlagSays) {
  EXPECT_EQ(PlatformOf("FROM --platform=linux/arm64 scratch\n", false), "linux/amd64");
}

TEST(Workdir, AbsolutePathsStayAsTheyAreWritten) {
  EXPECT_EQ(ConfigOf("FROM scratch\nWORKDIR /a/../b/\n").working_dir, "/a/../b/");
  EXPECT_EQ(ConfigOf("FROM scratch\nWORKDIR a/\n").working_dir, "/a");
  EXPECT_EQ(ConfigOf("FROM scratch\nWORKDIR /a/\nWORKDIR ../c/./\n").working_dir, "/c");
  EXPECT_EQ(ConfigOf("FROM scratch\nWORKDIR /a\nWORKDIR $unset\n").working_dir, "/a");
  Images images;
  oci::ImageConfig relative;
  relative.config.working_dir = "srv";
  images.Add("base", relative);
  EXPECT_EQ(ConfigOf("FROM base\n", images).working_dir, "/srv");
}

// BuildKit looks at the text, not at where the path leads.
TEST(Workdir, MakesALayerUnlessItIsJustASlash) {
  const auto layers = [](const std::string& text) {
    const auto lowered = LowerText(text);
    return lowered.ok() && !lowered->config.history.back().empty_layer;
  };
  EXPECT_FALSE(layers("FROM scratch\nWORKDIR /\n"));
  EXPECT_FALSE(layers("FROM scratch\nWORKDIR .\n"));
  EXPECT_TRUE(layers("FROM scratch\nWORKDIR //\n"));
  EXPECT_TRUE(layers("FROM scratch\nWORKDIR /a/..\n"));
}

TEST(Commands, WithoutArgumentsAndWithEmptyShells) {
  EXPECT_THAT(*ConfigOf("FROM scratch\nCMD\n").cmd, ElementsAre("/bin/sh", "-c", ""));
  EXPECT_THAT(*ConfigOf("FROM scratch\nCMD []\n").cmd, ElementsAre());
  Images images;
  oci::ImageConfig shellless;
  shellless.config.shell = std::vector<std::string>();
  images.Add("base", shellless);
  EXPECT_THAT(*ConfigOf("FROM base\nENTRYPOINT x\n", images).entrypoint, ElementsAre("/bin/sh", "-c", "x"));
}

TEST(History, NamesAnArgOnce) {
  EXPECT_EQ(LastHistory("FROM scratch\nARG a=1\nARG b\nARG a=2\nRUN x\n"), "RUN |2 a=2 b= /bin/sh -c x # buildkit");
}

TEST(History, NamesProxiesThatAnArgDeclares) {
  LowerOptions options;
  options.build_args = {{"HTTP_PROXY", "p"}};
  EXPECT_EQ(LastHistory("FROM scratch\nARG HTTP_PROXY\nRUN x\n", options),
            "RUN |1 HTTP_PROXY=p /bin/sh -c x # buildkit");
  EXPECT_EQ(LastHistory("FROM scratch\nRUN x\n", options), "RUN /bin/sh -c x # buildkit");
}

const graph::ExecOp& ExecOf(const Result<Lowered>& lowered) {
  EXPECT_TRUE(lowered.ok()) << lowered.status().message();
  return std::get<graph::ExecOp>(lowered->result->op);
}

TEST(Proxies, AreSeenInBothCasesWhateverCaseTheyAreGivenIn) {
  LowerOptions options;
  options.build_args = {{"Https_Proxy", "p"}, {"no_proxy", ""}, {"ALL_PROXY", "q"}};
  const auto lowered = LowerText("FROM scratch\nENV all_proxy=x\nRUN x\n", options);
  EXPECT_THAT(ExecOf(lowered).uncached_env,
              ElementsAre("HTTPS_PROXY=p", "https_proxy=p", "ALL_PROXY=q", "all_proxy=q"));
}

TEST(Run, HostnameAndCacheNamespaceAreTheBuilds) {
  LowerOptions options;
  options.hostname = "box";
  options.cache_namespace = "mine";
  const auto lowered = LowerText("FROM scratch\nRUN --mount=type=cache,target=/c x\n", options);
  EXPECT_EQ(ExecOf(lowered).hostname, "box");
  EXPECT_EQ(ExecOf(lowered).mounts.at(0).id, "mine//c");
}

TEST(Mounts, OwnerAndModeOfACacheAreOfAFolderThatIsMade) {
  const auto mount = [](const std::string& options) {
    const auto lowered =
        LowerText("FROM scratch AS a\nFROM scratch\nRUN --mount=type=cache,target=/c," + options + " x\n");
    return ExecOf(lowered).mounts.at(0);
  };
  EXPECT_EQ(mount("from=a,uid=0").mode, 0755U) << "given at all, it hides the seed";
  EXPECT_EQ(mount("from=a,mode=700,gid=5").gid, 5U);
  EXPECT_EQ(mount("from=a").mode, std::nullopt);
  EXPECT_EQ(mount("from=a,source=/d,uid=5,mode=700").mode, std::nullopt) << "a folder of the seed keeps its own";
  EXPECT_EQ(mount("from=a,source=/d,uid=5,mode=700").uid, 0U);
}

TEST(Heredocs, AreFilesWithoutAFolder) {
  EXPECT_THAT(ErrorOf("FROM scratch\nCOPY <</etc/x /b/\n/etc/x\n"), HasSubstr("the heredoc '/etc/x' cannot be a file"));
  EXPECT_THAT(ErrorOf("FROM scratch\nCOPY <<../x /b/\n../x\n"), "") << "nothing is above the root";
}

TEST(Add, AFlagMustNotContradictTheAddressOfARepository) {
  const std::string add = "FROM scratch\nADD --keep-git-dir=false http://h/r.git";
  EXPECT_EQ(ErrorOf(add + " /a/\n"), "");
  EXPECT_EQ(ErrorOf(add + "?keep-git-dir=false /a/\n"), "");
  EXPECT_THAT(ErrorOf(add + "?keep-git-dir=true /a/\n"), HasSubstr("--keep-git-dir=false contradicts"));
  EXPECT_THAT(ErrorOf("FROM scratch\nADD --checksum=abcdef1 http://h/r.git?checksum=abcdef2 /a/\n"),
              HasSubstr("--checksum=abcdef1 contradicts the address, which has abcdef2"));
}

TEST(Copy, TakesNoAddresses) {
  EXPECT_THAT(ErrorOf("FROM scratch\nCOPY f http://h/x /a/\n"), HasSubstr("Dockerfile:2:8: COPY takes files only"));
  EXPECT_THAT(ErrorOf("FROM scratch\nCOPY git@h:o/r.git /a/\n"), HasSubstr("COPY takes files only"));
  EXPECT_EQ(ErrorOf("FROM scratch\nCOPY github.com/o/r /a/\n"), "") << "which may be a folder";
}

TEST(Copy, WithAModeIsNotLinked) {
  const auto linked = LowerText("FROM scratch\nCOPY --link a /b\n");
  const auto chmod = LowerText("FROM scratch\nCOPY --link --chmod=755 a /b\n");
  ASSERT_TRUE(linked.ok() && chmod.ok());
  EXPECT_TRUE(std::get<graph::FileOp>(linked->result->op).link);
  EXPECT_FALSE(std::get<graph::FileOp>(chmod->result->op).link);
}

TEST(Args, TheTargetIsTheLastStageUnlessAnotherIsAskedFor) {
  const std::string text = "FROM scratch AS one\nARG TARGETSTAGE\nLABEL t=$TARGETSTAGE\nFROM one AS two\n";
  LowerOptions one;
  one.target = "one";
  EXPECT_EQ(LastHistory(text, one), "LABEL t=one");
  EXPECT_EQ(LastHistory(text), "LABEL t=two");
  EXPECT_EQ(LastHistory("FROM scratch\nARG TARGETSTAGE\nLABEL t=$TARGETSTAGE\n"), "LABEL t=default");
}

TEST(Args, OfTheBuilderAreNoVariables) {
  EXPECT_EQ(LastHistory("FROM scratch\nARG BUILDKIT_SBOM_SCAN_STAGE=true\nLABEL a=$BUILDKIT_SBOM_SCAN_STAGE.\n"),
            "LABEL a=.");
}

TEST(Mounts, WithoutATargetAreAtTheWorkingDirectory) {
  const auto lowered = LowerText("FROM scratch\nWORKDIR /w\nRUN --mount=type=cache x\n");
  ASSERT_TRUE(lowered.ok()) << lowered.status().message();
  const auto& exec = std::get<graph::ExecOp>(lowered->result->op);
  EXPECT_EQ(exec.mounts.at(0).target, "/w");
  EXPECT_EQ(exec.mounts.at(0).id, ".");
  EXPECT_THAT(ErrorOf("FROM scratch\nRUN --mount=type=tmpfs x\n"), HasSubstr("Dockerfile:2:5: "));
}

TEST(Errors, ALaterStageIsNoSource) {
  Images images;
  images.Add("base", {});
  EXPECT_THAT(
      LowerText("FROM base AS one\nCOPY --from=two /f /f\nFROM base AS two\nFROM one\n", {}, images).status().message(),
      HasSubstr("stage 'two' begins in line 3, below this one: stages can copy from earlier stages only"));
  EXPECT_THAT(ErrorOf("FROM two AS one\nFROM one AS two\n"),
              HasSubstr("Dockerfile:1:6: no stage above is called 'two' (the one in line 2 is none for this FROM)"));
}

TEST(Errors, PointAtTheWord) {
  EXPECT_THAT(ErrorOf("FROM scratch\nENV A=1 B=\"${C:?is needed}\"\n"), HasSubstr("Dockerfile:2:11: "));
  EXPECT_THAT(ErrorOf("FROM scratch\nARG A=x\nEXPOSE 80 \\\n  $A\n"), HasSubstr("Dockerfile:3:1: port 'x'"));
  EXPECT_THAT(ErrorOf("FROM scratch\nEXPOSE 80 \\\n  81x\n"), HasSubstr("Dockerfile:3:3: port '81x'"));
  EXPECT_THAT(ErrorOf("FROM scratch\nSTOPSIGNAL TREM\n"), HasSubstr("Dockerfile:2:12: 'TREM'"));
  EXPECT_THAT(ErrorOf("FROM scratch\nRUN --mount=type=cahce,target=/c x\n"),
              HasSubstr("Dockerfile:2:13: --mount 'type=cahce,target=/c': unsupported mount type 'cahce'; did you mean "
                        "'cache'?"));
  EXPECT_THAT(ErrorOf("FROM scratch AS build\nFROM scratch\nCOPY --chown=1 --from=biuld /a /\n"),
              HasSubstr("Dockerfile:3:16: image 'biuld' is not there; did you mean 'build'?\n"
                        "    3 | COPY --chown=1 --from=biuld /a /\n"
                        "      |                ^"));
  EXPECT_THAT(ErrorOf("FROM --platform=linux/amd64 nothing\n"), HasSubstr("Dockerfile:1:29: image 'nothing'"));
  EXPECT_THAT(ErrorOf("ARG VERSION=1\nFROM a$VERSON$VERSION\n"), HasSubstr("Dockerfile:2:6: "));
}

TEST(Errors, VerticesKnowWhereTheyStand) {
  const auto lowered = LowerText("FROM scratch\n  RUN x\n");
  ASSERT_TRUE(lowered.ok()) << lowered.status().message();
  EXPECT_EQ(lowered->result->position.line, 2);
  EXPECT_EQ(lowered->result->position.column, 3);
}

TEST(Warnings, BuildArgsThatNothingTakes) {
  std::vector<std::string> told;
  LowerOptions options;
  options.build_args = {{"VERSOIN", "1"}, {"VERSOIN", "2"}, {"http_proxy", "p"}};
  options.warn = [&](std::string_view text, std::string_view) { told.emplace_back(text); };
  ASSERT_TRUE(LowerText("FROM scratch\nARG VERSION\n", options).ok());
  EXPECT_THAT(told, ElementsAre(HasSubstr("'VERSOIN' is not used by any ARG of the stages that were built; did you "
                                          "mean 'VERSION'?")));
}

}  // namespace
}  // namespace slipway::dockerfile
