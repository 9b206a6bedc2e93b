#include "steps/task/output_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::task {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = builder::OutputKind;

QuickBuild Build(std::vector<QuickBuild::Output> outputs = {}) {
  QuickBuild build;
  build.source_location = "https://example.com/app.git";
  build.outputs = std::move(outputs);
  return build;
}

// "field: message" of all errors.
std::vector<std::string> Errors(const QuickBuild& build) {
  std::vector<std::string> out;
  for (const FieldError& error : Check(build, {.default_registry = "r.io", .allow_host_network = false})) {
    out.push_back(error.field + ": " + error.message);
  }
  return out;
}

TEST(OutputCheck, TakesEveryKindWithNames) {
  EXPECT_THAT(Errors(Build({{Kind::kOci, {"app:{{.Run.ID}}", "b"}}, {Kind::kDocker, {}}, {Kind::kRootfs, {}}})),
              IsEmpty());
}

TEST(OutputCheck, NamesMustBeNames) {
  EXPECT_THAT(Errors(Build({{Kind::kOci, {"ok", "Upper Case"}}})), ElementsAre(HasSubstr("outputs[0].names[1]: ")));
  EXPECT_THAT(Errors(Build({{Kind::kRootfs, {"app"}}})), ElementsAre("outputs[0].names: a file system has no name"));
}

TEST(OutputCheck, ADockerArchiveHoldsOnePlatform) {
  QuickBuild build = Build({{Kind::kDocker, {}}});
  build.platforms = {*oci::Platform::Parse("linux/amd64"), *oci::Platform::Parse("linux/arm64")};
  EXPECT_THAT(Errors(build),
              ElementsAre(HasSubstr("outputs[0].type: a docker archive holds one platform, and 2 are built")));
}

TEST(OutputCheck, LevelsAreThoseOfTheCompression) {
  QuickBuild build = Build();
  for (const int level : {1, 9}) {
    build.compression_level = level;
    EXPECT_THAT(Errors(build), IsEmpty()) << level;
  }
  for (const int level : {0, 10, -1}) {
    build.compression_level = level;
    EXPECT_THAT(Errors(build), ElementsAre(HasSubstr("is not a level of gzip, which has 1 to 9"))) << level;
  }
  build.compression_level = 19;
  build.compression = oci::Compression::kZstd;
  EXPECT_THAT(Errors(build), IsEmpty());
  build.compression = oci::Compression::kNone;
  EXPECT_THAT(Errors(build), ElementsAre("compression_level: is given for layers that are not compressed"));
}

TEST(OutputCheck, TheEpochIsANumberOrTheCommit) {
  QuickBuild build = Build();
  for (const char* good : {"commit", "0", "1700000000"}) {
    build.source_date_epoch = good;
    EXPECT_THAT(Errors(build), IsEmpty()) << good;
  }
  for (const char* bad : {"-1", "1.5", "head", "1700000000 "}) {
    build.source_date_epoch = bad;
    EXPECT_THAT(Errors(build), ElementsAre(HasSubstr("is neither 'commit' nor a number"))) << bad;
  }
  build.source_date_epoch = "1";
  build.arguments = {{.name = "SOURCE_DATE_EPOCH", .value = "2"}};
  EXPECT_THAT(Errors(build), ElementsAre(HasSubstr("source_date_epoch: is given beside the build argument")));
}

TEST(OutputCheck, AnUploadHasNoCommit) {
  QuickBuild build = Build();
  build.source_location = "upload:" + Digest::Of("tree").ToString();
  build.source_date_epoch = "commit";
  EXPECT_THAT(Errors(build), ElementsAre(HasSubstr("an uploaded folder has no commit")));
}

TEST(OutputCheck, RewritingTimesNeedsAnEpoch) {
  QuickBuild build = Build();
  build.rewrite_timestamp = true;
  EXPECT_THAT(Errors(build), ElementsAre(HasSubstr("rewrite_timestamp: needs the time")));
  build.source_date_epoch = "commit";
  EXPECT_THAT(Errors(build), IsEmpty());
  build.source_date_epoch = "";
  build.arguments = {{.name = "SOURCE_DATE_EPOCH", .value = "2"}};
  EXPECT_THAT(Errors(build), IsEmpty());
}

TEST(OutputCheck, AnInlineCacheIsOfLayersThatAreNotSquashed) {
  QuickBuild build = Build();
  build.image_names = {"app"};
  build.cache_to = {"type=inline"};
  EXPECT_THAT(Errors(build), IsEmpty());
  build.squash = true;
  EXPECT_THAT(Errors(build), ElementsAre(HasSubstr("squash: an inline cache is about the layers of each step")));
}

TEST(Outputs, ArePushedOnlyIfAsked) {
  QuickBuild build = Build({{Kind::kOci, {}}});
  build.image_names = {"app:v1"};
  EXPECT_FALSE(build.pushes());
  build.is_push_enabled = true;
  EXPECT_TRUE(build.pushes());
}

TEST(Outputs, HaveTheNamesOfTheImageUnlessTheyHaveTheirOwn) {
  QuickBuild build = Build({{Kind::kOci, {}}, {Kind::kDocker, {"other:{{.Run.ID}}"}}});
  build.image_names = {"app:v1"};
  const Task task = *MakeTask(build, {.id = "cf19", .registry = "r.io"}, {.default_registry = "r.io"});
  ASSERT_EQ(task.steps.size(), 1U);
  const BuildStep& step = std::get<BuildStep>(task.steps[0].what);
  EXPECT_TRUE(step.assemble);
  EXPECT_EQ(step.outputs[0].names[0].ToString(), "r.io/app:v1");
  EXPECT_EQ(step.outputs[1].names[0].ToString(), "r.io/other:cf19");
}

TEST(Outputs, AFileSystemNeedsNoLayersMade) {
  const Task task = *MakeTask(Build({{Kind::kRootfs, {}}}), {.id = "cf19"}, {});
  EXPECT_FALSE(std::get<BuildStep>(task.steps[0].what).assemble);
}

}  // namespace
}  // namespace slipway::task
