#include "steps/task/quick_build_inputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "steps/task/quick_build.h"

namespace slipway::task {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kDigest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const QuickBuildRules kAllowed{.default_registry = "", .allow_host_network = true, .allow_insecure_security = true};

std::vector<std::string> Errors(const QuickBuildInputs& inputs, const QuickBuildRules& rules = {}) {
  FieldErrors errors;
  CheckInputs(inputs, rules, &errors);
  std::vector<std::string> out;
  for (const FieldError& error : errors) out.push_back(error.field + ": " + error.message);
  return out;
}

TEST(QuickBuildInputs, GoodOnesBecomeTheBuilders) {
  QuickBuildInputs inputs;
  inputs.secrets = {{.id = "token", .value = "a value"}};
  inputs.ssh = {"default"};
  inputs.build_contexts = {{"docker.io/library/alpine:latest", "docker-image://reg.io/other"},
                           {"src", fmt::format("upload:{}", kDigest)},
                           {"lay", fmt::format("oci-layout://upload:{0}@{0}", kDigest)},
                           {"git", "https://host/x.git#main"},
                           {"file", "https://host/x.tar.gz"}};
  inputs.ulimits = {"nofile=1:2"};
  inputs.shm_size_bytes = 1 << 20;
  inputs.allow = {"network.host", "security.insecure"};
  EXPECT_THAT(Errors(inputs, kAllowed), IsEmpty());
  const builder::BuildInputs made = *MakeInputs(inputs);
  EXPECT_EQ(made.secrets[0].id, "token");
  EXPECT_TRUE(made.allow_host_network && made.allow_insecure);
  EXPECT_EQ(std::get<builder::ImageContext>(made.contexts.at("alpine")).name, "reg.io/other");
  EXPECT_EQ(std::get<builder::LayoutContext>(made.contexts.at("lay")).manifest.ToString(), kDigest);
  EXPECT_EQ(std::get<builder::FileContext>(made.contexts.at("file")).url, "https://host/x.tar.gz");
  EXPECT_TRUE(std::holds_alternative<source::ContextSpec>(made.contexts.at("git")));
  EXPECT_THAT(UploadsOf(inputs), ElementsAre(*Digest::Parse(kDigest), *Digest::Parse(kDigest)));
}

TEST(QuickBuildInputs, SecretsAreBoundedAndNamedOnce) {
  QuickBuildInputs inputs;
  inputs.secrets = {{.id = "", .value = "one"},
                    {.id = "a", .value = "two"},
                    {.id = "a", .value = "two"},
                    {.id = "b", .value = std::string((500 << 10) + 1, 'x')}};
  EXPECT_THAT(Errors(inputs), ElementsAre("secrets[0].id: is empty", "secrets[2].id: 'a' is given twice",
                                          HasSubstr("secrets[3].value: has 512001 bytes")));
  inputs.secrets.clear();
  for (int i = 0; i < 5; ++i) inputs.secrets.push_back({.id = std::to_string(i), .value = std::string(500 << 10, 'x')});
  EXPECT_THAT(Errors(inputs), ElementsAre(HasSubstr("secrets: have 2560000 bytes together")));
}

TEST(QuickBuildInputs, ContextsSayWhatIsWrong) {
  QuickBuildInputs inputs;
  inputs.build_contexts = {{"Upper", "docker-image://alpine"},
                           {"alpine", "docker-image://scratch"},
                           {"alpine:latest", "docker-image://x"},
                           {"folder", "./folder"},
                           {"none", "/dev/null"},
                           {"lay", "oci-layout://./folder"},
                           {"image", "docker-image://Bad"}};
  EXPECT_THAT(Errors(inputs),
              ElementsAre(HasSubstr("build_contexts[Upper]: "),
                          "build_contexts[alpine:latest]: 'alpine' and "
                          "'alpine:latest' are the same name",
                          HasSubstr("build_contexts[folder]: './folder' is a path of the client's machine"),
                          HasSubstr("build_contexts[image]: "), HasSubstr("build_contexts[lay]: "),
                          HasSubstr("build_contexts[none]: ")));
}

TEST(QuickBuildInputs, PermissionsNeedTheOperators) {
  QuickBuildInputs inputs;
  inputs.allow = {"network.host", "security.insecure", "security.insecur", "device"};
  EXPECT_THAT(Errors(inputs),
              ElementsAre(HasSubstr("(allow_host_network)"), HasSubstr("(allow_insecure_security)"),
                          HasSubstr("did you mean 'security.insecure'?"), HasSubstr("no device of the machine")));
  inputs.allow.resize(2);
  EXPECT_THAT(Errors(inputs, kAllowed), IsEmpty());
}

TEST(QuickBuildInputs, LimitsAreChecked) {
  QuickBuildInputs inputs;
  inputs.ulimits = {"nofile=1", "nofile=2", "bogus=1"};
  inputs.shm_size_bytes = 1ULL << 60;
  EXPECT_THAT(Errors(inputs), ElementsAre(HasSubstr("shm_size_bytes: "), "ulimits[1]: 'nofile' is given twice",
                                          HasSubstr("ulimits[2]: ")));
}

TEST(QuickBuildInputs, TheHostsNetworkForAllStepsIsAPermissionToo) {
  QuickBuild build;
  build.source_location = "/dev/null";
  build.network = "host";
  const Task task = *MakeTask(build, {}, kAllowed);
  EXPECT_TRUE(std::get<BuildStep>(task.steps[0].what).request.inputs.allow_host_network);
}

}  // namespace
}  // namespace slipway::task
