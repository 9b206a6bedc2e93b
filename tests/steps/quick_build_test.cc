#include "steps/task/quick_build.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::task {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const QuickBuildRules kRules{.default_registry = "127.0.0.1:5000", .allow_host_network = false};

QuickBuild Minimal() {
  QuickBuild build;
  build.source_location = "https://example.com/app.git";
  build.image_names = {"app:{{.Run.ID}}"};
  return build;
}

run_template::RunValues Values() { return {.id = "cf19", .registry = "127.0.0.1:5000"}; }

// "field: message" of all errors.
std::vector<std::string> Errors(const QuickBuild& build, const QuickBuildRules& rules = kRules) {
  std::vector<std::string> out;
  for (const FieldError& error : Check(build, rules)) out.push_back(error.field + ": " + error.message);
  return out;
}

TEST(QuickBuild, IsATaskOfBuildAndPush) {
  const Task task = *MakeTask(Minimal(), Values(), kRules);
  ASSERT_EQ(task.steps.size(), 2U);
  EXPECT_EQ(task.steps[0].id, "build");
  EXPECT_EQ(task.steps[0].timeout.count(), 28800);
  EXPECT_FALSE(std::get<BuildStep>(task.steps[0].what).assemble);
  EXPECT_EQ(task.steps[1].id, "push");
  EXPECT_EQ(task.steps[1].when, std::vector<std::string>{"build"});
  EXPECT_EQ(task.steps[1].timeout.count(), 3600);
  EXPECT_EQ(std::get<PushStep>(task.steps[1].what).names.front().ToString(), "127.0.0.1:5000/app:cf19");
  EXPECT_TRUE(Validate(task).ok());
}

TEST(QuickBuild, NamesWithoutRegistryGetTheDefaultOne) {
  QuickBuild build = Minimal();
  build.image_names = {"app", "team/app:v1", "other.example.com/app:v1", "localhost:6000/x", "app:latest"};
  const Task task = *MakeTask(build, Values(), kRules);
  std::vector<std::string> names;
  for (const auto& name : std::get<PushStep>(task.steps[1].what).names) names.push_back(name.ToString());
  EXPECT_THAT(names, ElementsAre("127.0.0.1:5000/app:latest", "127.0.0.1:5000/team/app:v1", "other.example.com/app:v1",
                                 "localhost:6000/x:latest"));
}

TEST(QuickBuild, WithoutNamesNothingIsPushed) {
  QuickBuild build = Minimal();
  build.image_names.clear();
  const Task task = *MakeTask(build, Values(), kRules);
  ASSERT_EQ(task.steps.size(), 1U);
  EXPECT_TRUE(std::get<BuildStep>(task.steps[0].what).assemble);
}

TEST(QuickBuild, PushCanBeTurnedOff) {
  QuickBuild build = Minimal();
  build.is_push_enabled = false;
  const Task task = *MakeTask(build, Values(), kRules);
  ASSERT_EQ(task.steps.size(), 1U);
  EXPECT_EQ(std::get<BuildStep>(task.steps[0].what).request.names.size(), 1U);
}

TEST(QuickBuild, ACheckMakesAndPushesNothing) {
  QuickBuild build = Minimal();
  build.check = true;
  const Task task = *MakeTask(build, Values(), kRules);
  ASSERT_EQ(task.steps.size(), 1U);
  EXPECT_TRUE(std::get<BuildStep>(task.steps[0].what).request.check_only);
  EXPECT_FALSE(std::get<BuildStep>(task.steps[0].what).assemble);
}

TEST(QuickBuild, ArgumentsAreRenderedButSecretsAreNot) {
  QuickBuild build = Minimal();
  build.arguments = {{.name = "ID", .value = "{{.Run.ID}}"}, {.name = "S", .value = "{{x", .secret = true}};
  const Task task = *MakeTask(build, Values(), kRules);
  const auto& args = std::get<BuildStep>(task.steps[0].what).request.build_args;
  EXPECT_EQ(args[0].value, "cf19");
  EXPECT_EQ(args[1].value, "{{x");
  EXPECT_TRUE(args[1].secret);
}

TEST(QuickBuild, UploadsAreNamedByDigest) {
  const Digest tree = Digest::Of("tree");
  const auto context = ParseSourceLocation(fmt::format("upload:{}", tree));
  ASSERT_TRUE(context.ok());
  EXPECT_EQ(std::get<source::UploadedContext>(*context).tree, tree);
  EXPECT_FALSE(ParseSourceLocation("upload:sha256:12").ok());
  EXPECT_TRUE(std::holds_alternative<source::NoContext>(*ParseSourceLocation("/dev/null")));
}

TEST(QuickBuildCheck, AMinimalRequestIsFit) { EXPECT_THAT(Errors(Minimal()), ElementsAre()); }

TEST(QuickBuildCheck, NamesMayBeMadeOfWhatAPushTells) {
  QuickBuild build = Minimal();
  build.image_names = {"app:{{.Run.Commit}}", "app:{{.Run.Branch}}", "{{.Run.TaskName}}:{{.Run.GitTag}}"};
  EXPECT_THAT(Errors(build), ElementsAre());
}

TEST(QuickBuildCheck, EveryWrongFieldIsNamed) {
  QuickBuild build = Minimal();
  build.source_location = "./folder";
  build.docker_file_path = "../Dockerfile";
  build.image_names = {"app", "UPPER", "app:{{.Values.x}}", "app@sha256:" + std::string(64, 'a')};
  build.arguments = {{.name = "", .value = ""}, {.name = "A=B", .value = ""}, {.name = "C", .value = "{{ nope }}"}};
  build.platforms = {*oci::Platform::Parse("linux/amd64"), *oci::Platform::Parse("linux/amd64"),
                     *oci::Platform::Parse("windows/amd64")};
  build.extra_hosts = {"name"};
  build.network = "hots";
  EXPECT_THAT(
      Errors(build),
      ElementsAre(HasSubstr("source_location: './folder'"), HasSubstr("docker_file_path: '../Dockerfile'"),
                  HasSubstr("image_names[1]: "), HasSubstr("image_names[2]: "), HasSubstr("image_names[3]: "),
                  "arguments[0].name: is empty", HasSubstr("arguments[1].name: "), HasSubstr("arguments[2].value: "),
                  HasSubstr("platforms[2].os: "), HasSubstr("extra_hosts[0]: "), HasSubstr("did you mean 'host'?")));
}

TEST(QuickBuildCheck, ListsAndTextsAreBounded) {
  QuickBuild build = Minimal();
  build.image_names.assign(65, "app");
  build.arguments.assign(257, {.name = "A", .value = "1"});
  build.target = std::string(513, 'x');
  EXPECT_THAT(Errors(build),
              ElementsAre("image_names: has 65 elements; the limit is 64",
                          "arguments: has 257 elements; the limit is 256", "target: has 513 bytes; the limit is 512"));
}

TEST(QuickBuildCheck, WithoutADefaultRegistryNamesNeedOne) {
  EXPECT_THAT(Errors(Minimal(), {}), ElementsAre(HasSubstr("names no registry")));
  QuickBuild build = Minimal();
  build.is_push_enabled = false;
  EXPECT_THAT(Errors(build, {}), ElementsAre());
}

TEST(QuickBuildCheck, HostNetworkNeedsTheOperator) {
  QuickBuild build = Minimal();
  build.network = "host";
  EXPECT_THAT(Errors(build), ElementsAre(HasSubstr("allow_host_network")));
  EXPECT_THAT(Errors(build, {.default_registry = "r.io", .allow_host_network = true}), ElementsAre());
}

TEST(QuickBuildCheck, AttestationsNeedOcisMediaTypes) {
  QuickBuild build = Minimal();
  build.attest = {.provenance = attest::ProvenanceMode::kMin, .sbom = false};
  EXPECT_THAT(Errors(build), ElementsAre());
  build.media_types = oci::Family::kDocker;
  EXPECT_THAT(Errors(build), ElementsAre(HasSubstr("provenance: is attached by OCI's media types only")));
  build.attest.sbom = true;
  EXPECT_THAT(Errors(build), ElementsAre(HasSubstr("sbom: ")));
}

TEST(QuickBuildCheck, AnErrorNeverShowsTheTokenOfAUrl) {
  QuickBuild build = Minimal();
  build.source_location = "gopher://user:hunter2@example.com/x";
  for (const std::string& error : Errors(build)) EXPECT_EQ(error.find("hunter2"), std::string::npos) << error;
}

TEST(UrlSecret, IsFoundAndHidden) {
  EXPECT_EQ(SecretOfUrl("https://user:tok@host/x.git#main"), "tok");
  EXPECT_EQ(WithoutSecret("https://user:tok@host/x.git#main"), "https://user:***@host/x.git#main");
  EXPECT_EQ(SecretOfUrl("https://tok@host/x.git"), "tok");
  EXPECT_EQ(WithoutSecret("https://tok@host/x.git"), "https://***@host/x.git");
  EXPECT_EQ(SecretOfUrl("https://host/x@y.git"), "");
  EXPECT_EQ(SecretOfUrl("git@host:x.git"), "");
  EXPECT_EQ(SecretOfUrl("ssh://git@host/x.git"), "");
  EXPECT_EQ(WithoutSecret("https://host/x.git"), "https://host/x.git");
}

}  // namespace
}  // namespace slipway::task
