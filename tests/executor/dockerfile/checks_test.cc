// The linter's rules. Each test shows a Dockerfile and what is found in it, by line.
#include "executor/dockerfile/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "executor/dockerfile/check_file.h"
#include "tests/executor/dockerfile/lowering.h"

namespace slipway::dockerfile {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Case {
  std::vector<std::pair<std::string, std::string>> build_args;
  std::vector<std::string> ignore_patterns;
  std::string target;
  bool all_stages = false;
  Images images;
  Status status;  // of the whole

  Checks Check(const std::string& text) {
    Dockerfile dockerfile;
    status = ParseInto(text, "Dockerfile", &dockerfile);
    Checks checks(dockerfile.source, ParseCheckOptions(dockerfile.directives.check.value_or("")).ValueOr({}));
    CheckInstructions(dockerfile, checks);
    if (!status.ok()) return checks;
    CheckWhole(dockerfile, checks);
    LowerOptions options;
    options.target = target;
    options.build_args = build_args;
    options.checks = &checks;
    options.ignore_patterns = ignore_patterns;
    options.all_stages = all_stages;
    status = LowerHere(dockerfile, std::move(options), images).status();
    return checks;
  }

  // "3 MaintainerDeprecated"
  std::vector<std::string> Found(const std::string& text) {
    std::vector<std::string> out;
    for (const Finding& finding : Check(text).Sorted()) {
      out.push_back(fmt::format("{} {}", finding.where.start_line, InfoOf(finding.rule).name));
    }
    return out;
  }
};

std::vector<std::string> Found(const std::string& text) { return Case().Found(text); }

std::string TextOf(const std::string& text) {
  Case one;
  const std::vector<Finding> findings = one.Check(text).Sorted();
  return findings.size() == 1 ? findings[0].text : fmt::format("{} findings", findings.size());
}

TEST(Checks, NamesOfStages) {
  EXPECT_THAT(Found("FROM scratch AS Big\n\nFROM scratch as b\nFROM scratch AS b\nFROM scratch AS context\n"),
              ElementsAre("1 StageNameCasing", "3 FromAsCasing", "4 DuplicateStageName", "5 ReservedStageName"));
  EXPECT_THAT(Found("from scratch AS a\nfrom scratch as b\n"), ElementsAre("1 FromAsCasing"));
  EXPECT_THAT(Found("FROM scratch\nFROM scratch AS a\n"), IsEmpty());
}

TEST(Checks, CaseOfKeywordsFollowsTheMajority) {
  EXPECT_THAT(Found("From scratch AS a\nFROM scratch AS b\n"), ElementsAre("1 ConsistentInstructionCasing"));
  EXPECT_THAT(Found("FROM scratch\ncopy a /\ncopy b /\n"), ElementsAre("1 ConsistentInstructionCasing"));
  EXPECT_THAT(Found("from scratch\nCOPY a /\n"), ElementsAre("1 ConsistentInstructionCasing"));
  EXPECT_THAT(Found("from scratch\ncopy a /\n"), IsEmpty());
  EXPECT_THAT(Found("FROM scratch\nRUN <<E\nfrom\nE\n"), IsEmpty());
}

TEST(Checks, EmptyLineWithinAnInstruction) {
  EXPECT_THAT(Found("FROM scratch\nCOPY a \\\n\n  /\nCOPY a \\\n# c\n /\n"), ElementsAre("4 NoEmptyContinuation"));
}

TEST(Checks, OldInstructions) {
  EXPECT_THAT(Found("FROM scratch\nMAINTAINER me\nENV a b\nLABEL c d\nENV e=f\n"),
              ElementsAre("2 MaintainerDeprecated", "3 LegacyKeyValueFormat", "4 LegacyKeyValueFormat"));
}

TEST(Checks, CommandsInShellForm) {
  EXPECT_THAT(Found("FROM scratch\nCMD a\nENTRYPOINT b\n"),
              ElementsAre("2 JSONArgsRecommended", "3 JSONArgsRecommended"));
  EXPECT_THAT(Found("FROM scratch AS a\nSHELL [\"/s\"]\nFROM a\nCMD a\nENTRYPOINT [\"b\"]\n"), IsEmpty());
}

TEST(Checks, WhatHasNoEffectIsNamedWhereItStands) {
  EXPECT_THAT(Found("FROM scratch\nCMD [\"a\"]\nHEALTHCHECK NONE\nCMD [\"b\"]\nHEALTHCHECK NONE\n"),
              ElementsAre("2 MultipleInstructionsDisallowed", "3 MultipleInstructionsDisallowed"));
  EXPECT_THAT(Found("FROM scratch AS a\nCMD [\"a\"]\nFROM a\nCMD [\"b\"]\n"), IsEmpty());
}

TEST(Checks, VariablesThatAreNotSet) {
  EXPECT_THAT(Found("FROM scratch\nCOPY $foo /\nARG foo\nCOPY $foo /\nRUN echo $x\n"), ElementsAre("2 UndefinedVar"));
  EXPECT_THAT(TextOf("FROM scratch\nARG DIR_ASSETS=a\nCOPY $DIR_ASSET /\n"), HasSubstr("did you mean '$DIR_ASSETS'?"));
  EXPECT_THAT(TextOf("FROM scratch\nENV PATH=$PAHT:/x\n"), HasSubstr("did you mean '$PATH'?"));
  EXPECT_THAT(Found("FROM scratch\nARG a=${b:-c}\nEXPOSE $d 80\nCOPY <<E <<'F' /\n$e\nE\n$f\nF\n"),
              ElementsAre("2 UndefinedVar", "4 UndefinedVar"));
}

TEST(Checks, ArgsOfFrom) {
  EXPECT_THAT(Found("FROM scra${X:-tch}\n"), ElementsAre("1 UndefinedArgInFrom"));
  EXPECT_THAT(Found("ARG X\nFROM scra${X:-tch}\n"), IsEmpty());
  EXPECT_THAT(Found("FROM --platform=$BUILDPLATFORM scratch\n"), IsEmpty());
  Case typo;
  EXPECT_THAT(typo.Found("FROM --platform=$BULIDPLATFORM scratch\n"), ElementsAre("1 UndefinedArgInFrom"));
  EXPECT_EQ(typo.status.message(),
            "Dockerfile:1:6: --platform='$BULIDPLATFORM' expands to nothing: give the ARG a value before the first "
            "FROM; did you mean '$BUILDPLATFORM'?\n"
            "    1 | FROM --platform=$BULIDPLATFORM scratch\n"
            "      |      ^");
}

TEST(Checks, DefaultsOfArgsMustNameAnImage) {
  Case given;
  given.build_args = {{"TAG", "1"}};
  given.images.Add("base:1", {});
  EXPECT_THAT(given.Found("ARG TAG\nFROM base:$TAG\n"), ElementsAre("2 InvalidDefaultArgInFrom"));
  EXPECT_TRUE(given.status.ok()) << given.status.message();
  EXPECT_THAT(given.Found("ARG TAG=2\nFROM base:$TAG\n"), IsEmpty());
}

TEST(Checks, PlatformsOfFrom) {
  EXPECT_THAT(Found("FROM --platform=${TARGETPLATFORM} scratch\n"), ElementsAre("1 RedundantTargetPlatform"));
  EXPECT_THAT(Found("FROM --platform=linux/arm64 scratch\n"), ElementsAre("1 FromPlatformFlagConstDisallowed"));
  EXPECT_THAT(Found("FROM --platform=linux/arm64 scratch AS my_arm64\n"), IsEmpty());
  Case other;
  oci::ImageConfig arm;
  arm.platform = {"linux", "arm64", "", ""};
  other.images.Add("arm", arm);
  EXPECT_THAT(other.Found("FROM arm\n"), ElementsAre("1 InvalidBaseImagePlatform"));
}

TEST(Checks, FirstWorkdirOfAStageAndItsBases) {
  EXPECT_THAT(Found("FROM scratch\nWORKDIR app\nWORKDIR more\n"), ElementsAre("2 WorkdirRelativePath"));
  EXPECT_THAT(Found("FROM scratch AS a\nWORKDIR /app\nFROM a\nWORKDIR sub\n"), IsEmpty());
  Case based;
  oci::ImageConfig config;
  config.config.working_dir = "/srv";
  based.images.Add("base", config);
  EXPECT_THAT(based.Found("FROM base\nWORKDIR app\n"), ElementsAre("2 WorkdirRelativePath"));
}

TEST(Checks, NamesThatSoundSecret) {
  EXPECT_THAT(Found("FROM scratch\nARG SECRET_PASSPHRASE\nENV SUPER_Secret=1 git_key=2\nENV apikey=3 keys=4 monkey=5\n"
                    "ENV PUBLIC_KEY=6\nLABEL password=7\n"),
              ElementsAre("2 SecretsUsedInArgOrEnv", "3 SecretsUsedInArgOrEnv", "3 SecretsUsedInArgOrEnv",
                          "4 SecretsUsedInArgOrEnv"));
}

TEST(Checks, Ports) {
  EXPECT_THAT(
      Found("FROM scratch\nEXPOSE 80/TcP 81/udp\nEXPOSE 127.0.0.1:82:83 84:85 [::1]:86:87 88\n"),
      ElementsAre("2 ExposeProtoCasing", "3 ExposeInvalidFormat", "3 ExposeInvalidFormat", "3 ExposeInvalidFormat"));
}

TEST(Checks, ExperimentalRulesAreAskedFor) {
  Case ignoring;
  ignoring.ignore_patterns = {"hidden"};
  const std::string copies = "FROM scratch\nCOPY hidden/x /\nADD ./hidden /\nCOPY shown /\nCOPY . /\n";
  EXPECT_THAT(ignoring.Found(copies), IsEmpty());
  EXPECT_THAT(ignoring.Found("# check=experimental=CopyIgnoredFile\n" + copies),
              ElementsAre("3 CopyIgnoredFile", "4 CopyIgnoredFile"));
  ignoring.ignore_patterns = {"*", "!hidden"};
  EXPECT_THAT(ignoring.Found("# check=experimental=all\n" + copies), IsEmpty());
  EXPECT_THAT(
      Found("# check=experimental=all;skip=all\n# bar is this\nARG foo=bar\n# base is it\nFROM scratch AS base\n"
            "# other\nARG a=1 b=2\n\n# apart\n\nARG c\n#\nARG d\n"),
      ElementsAre("3 InvalidDefinitionDescription", "7 InvalidDefinitionDescription",
                  "11 InvalidDefinitionDescription"));
}

TEST(Checks, SkippedInTheFileOrAboveTheInstruction) {
  EXPECT_THAT(Found("# check=skip=MaintainerDeprecated, JSONArgsRecommended\nFROM scratch\nMAINTAINER a\nCMD a\n"),
              ElementsAre("4 JSONArgsRecommended"));  // the directive ends at a blank
  EXPECT_THAT(Found("# check=skip=all\nFROM scratch\nMAINTAINER a\n"), IsEmpty());
  EXPECT_THAT(Found("FROM scratch\n# check=skip=all // on purpose\nENV TOKEN=1\nENV TOKEN=2\n"),
              ElementsAre("4 SecretsUsedInArgOrEnv"));
}

TEST(Checks, OnlyStagesThatAreBuiltUnlessAllAreAskedFor) {
  const std::string text = "FROM scratch AS a\nENV x y\nFROM scratch AS b\n";
  Case one;
  EXPECT_THAT(one.Found(text), IsEmpty());
  one.all_stages = true;
  EXPECT_THAT(one.Found(text), ElementsAre("2 LegacyKeyValueFormat"));
}

TEST(Checks, OnbuildOfTheBaseIsFoundAtFrom) {
  Case based;
  oci::ImageConfig config;
  config.config.on_build = {"ENV a b"};
  based.images.Add("base", config);
  EXPECT_THAT(based.Found("FROM base\n"), ElementsAre("1 LegacyKeyValueFormat"));
}

TEST(Checks, BeforeAnErrorOfALaterLine) {
  Case broken;
  EXPECT_THAT(broken.Found("FROM scratch AS Bad\nMAINTAINER me\nBADCMD\nMAINTAINER you\n"),
              ElementsAre("1 StageNameCasing", "2 MaintainerDeprecated"));
  EXPECT_THAT(broken.status.message(), HasSubstr("Dockerfile:3:1: unknown instruction 'BADCMD'"));
}

TEST(Checks, ReportShowsTheLinesAndTheVerdictTheRules) {
  Case one;
  const Checks checks = one.Check("# check=error=true\nFROM scratch\nCMD a \\\n  b\nENV c d\n");
  std::vector<std::string> told;
  checks.Report(
      [&](std::string_view text, std::string_view detail) { told.push_back(fmt::format("{}\n{}", text, detail)); });
  ASSERT_EQ(told.size(), 2U);
  EXPECT_THAT(told[0], HasSubstr("Dockerfile:3: JSONArgsRecommended: "));
  EXPECT_THAT(told[0], EndsWith("    3 | CMD a \\\n    4 |   b\n"
                                "https://docs.docker.com/go/dockerfile/rule/json-args-recommended/"));
  EXPECT_EQ(checks.Verdict().code(), Code::kInvalidArgument);
  EXPECT_THAT(checks.Verdict().message(),
              HasSubstr("lint violation found for rules: JSONArgsRecommended, LegacyKeyValueFormat"));
  EXPECT_EQ(checks.Summary(), "2 warnings: JSONArgsRecommended, LegacyKeyValueFormat");
  EXPECT_TRUE(one.Check("FROM scratch\nCMD a\n").Verdict().ok());
  EXPECT_TRUE(one.Check("# check=error=true\nFROM scratch\n").Verdict().ok());
}

TEST(CheckOptions, Parse) {
  const auto options = ParseCheckOptions(" skip = A , B ; error = True ;experimental=all");
  ASSERT_TRUE(options.ok()) << options.status().message();
  EXPECT_THAT(options->skip, ElementsAre("A", "B"));
  EXPECT_TRUE(options->error && options->experimental_all && !options->skip_all);
  EXPECT_TRUE(ParseCheckOptions("").ok());
  for (const char* bad :
       {"skip", "error=maybe", "skpi=all", "skip=all;;", "skip=A;error=1;experimental=B;skip=C=1;x"}) {
    const Status status = ParseCheckOptions(bad).status();
    if (std::string_view(bad).starts_with("skip=A")) {
      EXPECT_TRUE(status.ok()) << status.message();  // the third option is all that is left
    } else {
      EXPECT_EQ(status.code(), Code::kInvalidArgument) << bad;
    }
  }
  EXPECT_THAT(ParseCheckOptions("skpi=all").status().message(), HasSubstr("did you mean 'skip'?"));
}

TEST(CheckOptions, NamesOfNoRule) {
  EXPECT_THAT(UnknownRules(*ParseCheckOptions("skip=StageNameCasing,WorkdirRelativPath")),
              ElementsAre("check: there is no rule 'WorkdirRelativPath'; did you mean 'WorkdirRelativePath'?"));
}

}  // namespace
}  // namespace slipway::dockerfile
