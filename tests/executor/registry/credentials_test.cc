#include "executor/registry/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "executor/base/fs.h"

namespace slipway::registry {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const Context kContext = Context::Background();

Result<std::optional<Credential>> Look(const std::string& json, const std::string& host) {
  auto source = DockerConfigCredentials(json, "config.json");
  if (!source.ok()) return std::move(source).status();
  return (*source)->Lookup(kContext, host);
}

TEST(DockerConfig, AuthIsBase64OfUserAndPassword) {
  // alice:wonder:land
  const auto found =
      Look(R"({"auths":{"reg.example.com:5000":{"auth":"YWxpY2U6d29uZGVyOmxhbmQ="}}})", "reg.example.com:5000");
  ASSERT_TRUE(found.ok()) << found.status().message();
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->username, "alice");
  EXPECT_EQ((*found)->password, "wonder:land");
}

TEST(DockerConfig, KeysMayBeAddresses) {
  const std::string json = R"({"auths":{"https://index.docker.io/v1/":{"username":"u","password":"p"},
                                        "https://reg.example.com/v2/":{"identitytoken":"t"}}})";
  EXPECT_EQ((*Look(json, "docker.io"))->username, "u");
  EXPECT_EQ((*Look(json, "reg.example.com"))->identity_token, "t");
}

TEST(DockerConfig, AnUnknownHostHasNone) {
  EXPECT_FALSE(Look(R"({"auths":{"a.example.com":{"auth":"dTpw"}}})", "b.example.com")->has_value());
  EXPECT_FALSE(Look("{}", "b.example.com")->has_value());
  EXPECT_FALSE(Look(R"({"auths":null})", "b.example.com")->has_value());
  EXPECT_FALSE(Look(R"({"auths":{"b.example.com":{}}})", "b.example.com")->has_value());
}

TEST(DockerConfig, HelpersAreRefusedForTheirHostsOnly) {
  const std::string json = R"({"credHelpers":{"a.example.com":"ecr-login"},"auths":{"b.example.com":{"auth":"dTpw"}}})";
  const auto refused = Look(json, "a.example.com");
  EXPECT_EQ(refused.code(), Code::kFailedPrecondition);
  EXPECT_THAT(refused.status().message(),
              AllOf(HasSubstr("'a.example.com'"), HasSubstr("docker-credential-ecr-login"), HasSubstr("config.json")));
  EXPECT_TRUE(Look(json, "b.example.com")->has_value());
}

TEST(DockerConfig, AnEmptyEntryBesideAStoreIsInTheStore) {
  const std::string json = R"({"credsStore":"desktop","auths":{"a.example.com":{},"b.example.com":{"auth":"dTpw"}}})";
  EXPECT_EQ(Look(json, "a.example.com").code(), Code::kFailedPrecondition);
  EXPECT_TRUE(Look(json, "b.example.com")->has_value());
  EXPECT_FALSE(Look(json, "c.example.com")->has_value());
}

TEST(DockerConfig, BadDocumentsAreToldWithoutSecrets) {
  for (const char* json : {"", "[]", R"({"auths":[]})", R"({"auths":{"a":{"auth":"hunter2!"}}})",
                           R"({"auths":{"a":{"auth":"aHVudGVyMg=="}}})", R"({"auths":{"a":"hunter2"}})"}) {
    const auto source = DockerConfigCredentials(json, "config.json");
    EXPECT_EQ(source.code(), Code::kInvalidArgument) << json;
    EXPECT_THAT(source.status().message(),
                AllOf(HasSubstr("config.json"), Not(HasSubstr("hunter2")), Not(HasSubstr("aHVu"))));
  }
}

TEST(DockerConfig, AFileThatIsNotThereIsNotFound) {
  EXPECT_EQ(DockerConfigFile("/nonexistent/config.json").code(), Code::kNotFound);
  const auto dir = fs::TempDir::Make();
  ASSERT_TRUE(fs::WriteFileAtomic(dir->path() + "/config.json", R"({"auths":{"a":{"auth":"dTpw"}}})").ok());
  const auto source = DockerConfigFile(dir->path() + "/config.json");
  ASSERT_TRUE(source.ok()) << source.status().message();
  EXPECT_EQ((*(*source)->Lookup(kContext, "a"))->username, "u");
}

TEST(Chain, TheFirstThatKnowsTheHostAnswers) {
  const auto chain = ChainCredentials({nullptr, StaticCredentials({{"a", {.username = "1"}}}),
                                       StaticCredentials({{"a", {.username = "2"}}, {"b", {.username = "3"}}})});
  EXPECT_EQ((*chain->Lookup(kContext, "a"))->username, "1");
  EXPECT_EQ((*chain->Lookup(kContext, "b"))->username, "3");
  EXPECT_FALSE(chain->Lookup(kContext, "c")->has_value());
  EXPECT_FALSE(ChainCredentials({nullptr})->Lookup(kContext, "a")->has_value());
}

}  // namespace
}  // namespace slipway::registry
