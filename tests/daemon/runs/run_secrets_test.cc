#include "daemon/runs/run_secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::runs {
namespace {

task::QuickBuild Sample() {
  task::QuickBuild build;
  build.source_location = "https://user:tok@host/x.git";
  build.arguments = {{.name = "A", .value = "open"},
                     {.name = "B", .value = std::string("\xff\0s", 3), .secret = true},
                     {.name = "C", .value = "hunter2", .secret = true}};
  return build;
}

TEST(RunSecrets, TheOpenPartHoldsNone) {
  const SplitBuild split = SplitSecrets(Sample());
  EXPECT_EQ(split.open.source_location, "https://user:***@host/x.git");
  EXPECT_EQ(split.open.arguments[0].value, "open");
  EXPECT_EQ(split.open.arguments[1].value, "");
  EXPECT_EQ(split.open.arguments[2].value, "");
}

TEST(RunSecrets, BothPartsMakeTheWhole) {
  const SplitBuild split = SplitSecrets(Sample());
  const task::QuickBuild joined = *JoinSecrets(split.open, split.secrets);
  EXPECT_EQ(joined.source_location, Sample().source_location);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(joined.arguments[i].value, Sample().arguments[i].value);
}

TEST(RunSecrets, WithoutSecretsNothingIsSealed) {
  task::QuickBuild build;
  build.source_location = "https://host/x.git";
  EXPECT_EQ(SplitSecrets(build).secrets, "");
  EXPECT_EQ(JoinSecrets(build, "")->source_location, build.source_location);
}

TEST(RunSecrets, WhatDoesNotFitIsDataLoss) {
  const SplitBuild split = SplitSecrets(Sample());
  EXPECT_EQ(JoinSecrets(task::QuickBuild{}, split.secrets).code(), Code::kDataLoss);
  EXPECT_EQ(JoinSecrets(split.open, "garbage").code(), Code::kDataLoss);
}

task::QuickBuild WithInputs() {
  task::QuickBuild build;
  build.inputs.secrets = {{.id = "a", .value = std::string("\xff\0s", 3)}, {.id = "b", .value = "hunter2\n"}};
  build.inputs.build_contexts = {{"open", "https://host/x.git"}, {"token", "https://user:tok@host/y.git"}};
  return build;
}

TEST(RunSecrets, InputsAreSplitAndJoined) {
  const SplitBuild split = SplitSecrets(WithInputs());
  EXPECT_EQ(split.open.inputs.secrets[0].id, "a");
  EXPECT_EQ(split.open.inputs.secrets[0].value, "");
  EXPECT_EQ(split.open.inputs.secrets[1].value, "");
  EXPECT_EQ(split.open.inputs.build_contexts.at("open"), "https://host/x.git");
  EXPECT_EQ(split.open.inputs.build_contexts.at("token"), "https://user:***@host/y.git");
  const task::QuickBuild joined = *JoinSecrets(split.open, split.secrets);
  EXPECT_EQ(joined.inputs.secrets[0].value, std::string("\xff\0s", 3));
  EXPECT_EQ(joined.inputs.secrets[1].value, "hunter2\n");
  EXPECT_EQ(joined.inputs.build_contexts, WithInputs().inputs.build_contexts);
}

TEST(RunSecrets, InputsThatDoNotFitAreDataLoss) {
  const SplitBuild split = SplitSecrets(WithInputs());
  EXPECT_EQ(JoinSecrets(task::QuickBuild(), split.secrets).code(), Code::kDataLoss);
}

TEST(RunSecrets, FilesAreMaskedWithoutTheirLineEndAndLineByLine) {
  task::QuickBuild build;
  build.inputs.secrets = {{.id = "a", .value = "first-line\n  second-line\r\n}\n"}};
  EXPECT_THAT(SecretValues(build),
              ::testing::ElementsAre("", "first-line\n  second-line\r\n}\n", "first-line\n  second-line\r\n}",
                                     "first-line", "second-line"));
}

TEST(RunSecrets, ValuesAreForTheMasker) {
  EXPECT_THAT(SecretValues(Sample()), ::testing::ElementsAre(std::string("\xff\0s", 3), "hunter2", "tok"));
}

}  // namespace
}  // namespace slipway::runs
