#include "steps/action/report.h"

#include <gtest/gtest.h>

namespace slipway::action {
namespace {

Report Sample() {
  Report report;
  report.outputs.push_back(
      {.build = 0, .name = *oci::Reference::Parse("r.io/app:1.0"), .digest = Digest::Of("m"), .pushed = true});
  report.builds.push_back({.step = "build", .revision = "1a30", .bases = {}});
  report.builds[0].bases.push_back(
      {.reference = *oci::Reference::Parse("golang:1.22"), .digest = Digest::Of("g"), .runtime = false});
  report.builds[0].bases.push_back(
      {.reference = *oci::Reference::Parse("alpine:3.19"), .digest = Digest::Of("a"), .runtime = true});
  report.revision = "1a30";
  report.digest = Digest::Of("m");
  report.vertices = 5;
  report.cached = 3;
  report.layers_mounted = 2;
  return report;
}

TEST(Report, DependenciesAreYaml) {
  EXPECT_EQ(DependencyText(Sample()), fmt::format(R"(- image:
    registry: r.io
    repository: app
    tag: "1.0"
    digest: {}
  runtime-dependency:
    registry: docker.io
    repository: library/alpine
    tag: "3.19"
    digest: {}
  buildtime-dependency:
  - registry: docker.io
    repository: library/golang
    tag: "1.22"
    digest: {}
  git:
    git-head-revision: 1a30
)",
                                                  Digest::Of("m"), Digest::Of("a"), Digest::Of("g")));
}

TEST(Report, WithoutACommitGitIsEmpty) {
  Report report = Sample();
  report.builds[0].revision.clear();
  report.builds[0].bases.clear();
  const std::string text = DependencyText(report);
  EXPECT_TRUE(text.ends_with("  git: {}\n")) << text;
  EXPECT_EQ(DependencyText(Report()), "");
}

TEST(Report, EachImageHasTheBasesOfItsOwnBuild) {
  Report report;
  report.builds.push_back({.step = "a", .revision = "", .bases = {}});
  report.builds[0].bases.push_back(
      {.reference = *oci::Reference::Parse("alpine:3.19"), .digest = Digest::Of("a"), .runtime = true});
  report.builds.push_back({.step = "b", .revision = "", .bases = {}});
  report.outputs.push_back(
      {.build = 1, .name = *oci::Reference::Parse("r.io/b:1"), .digest = Digest::Of("m"), .pushed = true});
  const std::string text = DependencyText(report);
  EXPECT_TRUE(text.starts_with("- image: null\n  runtime-dependency:\n")) << text;
  EXPECT_TRUE(text.ends_with(fmt::format("    digest: {}\n  git: {{}}\n", Digest::Of("m")))) << text;
}

TEST(Report, SummaryCountsStepsAndLayers) {
  EXPECT_EQ(SummaryText(Sample()), fmt::format("Cached 3 of 5 steps; layers: 0 pushed, 2 mounted, 0 already there; "
                                               "digest: {}",
                                               Digest::Of("m")));
}

}  // namespace
}  // namespace slipway::action
