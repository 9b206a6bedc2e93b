// Each registry's deliveries as its documentation shows them.
#include "daemon/trigger/registry_event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <strings.h>

#include <map>

#include "executor/base/digest.h"
#include "executor/base/fs.h"

namespace slipway::trigger {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using HeaderMap = std::map<std::string, std::string>;

Headers In(const HeaderMap& map) {
  return [&map](std::string_view name) -> std::string_view {
    for (const auto& [key, value] : map) {
      if (key.size() == name.size() && strncasecmp(key.data(), name.data(), name.size()) == 0) return value;
    }
    return "";
  };
}

std::string Body(const std::string& name) {
  return fs::ReadFile(std::string(SLIPWAY_TEST_DATA) + "/registry/" + name + ".json").value();
}

RegistryEvent Parse(const std::string& body, const HeaderMap& headers = {}, std::string_view registry = "") {
  auto event = ParseRegistryEvent(In(headers), body, registry);
  EXPECT_TRUE(event.ok()) << event.status().message();
  return event.ok() ? *event : RegistryEvent();
}

TEST(RegistryEvent, DistributionTellsPushedTagsAmongOtherEvents) {
  const RegistryEvent event = Parse(Body("distribution"));
  EXPECT_EQ(event.sender, "distribution");
  EXPECT_EQ(event.delivery_id, "320678d8-ca14-430f-8bb6-4ca139cd83f7");
  // Neither the pull nor the blob.
  EXPECT_THAT(event.pushes,
              ElementsAre(ImagePush{"registrycluster.local", "library/test", "stable",
                                    "sha256:fea8895f450959fa676bcc1df0611ea93823a735a01205fd8622846041d0c7cf"}));
}

TEST(RegistryEvent, TheOperatorMaySayWhatTheRegistryIsCalled) {
  EXPECT_EQ(Parse(Body("distribution"), {}, "reg.example.com:5000").pushes.at(0).registry, "reg.example.com:5000");
  EXPECT_EQ(Parse(Body("harbor_push"), {}, "reg.example.com").pushes.at(0).registry, "reg.example.com");
  EXPECT_EQ(Parse(Body("quay_push"), {}, "quay.example.com").pushes.at(1).registry, "quay.example.com");
}

TEST(RegistryEvent, Azure) {
  const RegistryEvent event = Parse(Body("acr_push"));
  EXPECT_EQ(event.sender, "acr");
  EXPECT_EQ(event.delivery_id, "cb8c3971-9adc-488b-b7d8-43cbb4974ff5");
  EXPECT_THAT(event.pushes,
              ElementsAre(ImagePush{"myregistry.azurecr.io", "hello-world", "v1",
                                    "sha256:80f0d5c8786bb9e621a45ece0db56d11cdc624ad20da9fe62e9d25490f331d7d"}));
  EXPECT_THAT(Parse("{\"id\":\"1\",\"action\":\"ping\"}").pushes, IsEmpty());
  EXPECT_THAT(Parse("{\"action\":\"delete\",\"target\":{\"repository\":\"a\",\"tag\":\"b\"}}").pushes, IsEmpty());
}

TEST(RegistryEvent, HarborInBothFormats) {
  const RegistryEvent event = Parse(Body("harbor_push"));
  EXPECT_EQ(event.sender, "harbor");
  EXPECT_EQ(event.delivery_id, Digest::Of(Body("harbor_push")).ToString());
  EXPECT_THAT(event.pushes,
              ElementsAre(ImagePush{"harbor.example.com", "test/alpine", "v1.0",
                                    "sha256:954b378c375d852eb3c63ab88978f640b4348b01c1b3456a024a81536dafbbf4"}));
  const RegistryEvent cloud = Parse(Body("harbor_cloudevent"));
  EXPECT_EQ(cloud.delivery_id, "4b2f89a6-548d-4c12-9993-a1f5790b97d2");
  EXPECT_EQ(cloud.pushes.at(0).repository, "library/photon");
  std::string scanned = Body("harbor_push");
  scanned.replace(scanned.find("PUSH_ARTIFACT"), 13, "SCANNING_COMPLETED");
  EXPECT_THAT(Parse(scanned).pushes, IsEmpty());
}

TEST(RegistryEvent, DockerHubAndQuaySayNoDigest) {
  const RegistryEvent hub = Parse(Body("dockerhub_push"));
  EXPECT_EQ(hub.sender, "dockerhub");
  EXPECT_THAT(hub.pushes, ElementsAre(ImagePush{"docker.io", "svendowideit/testhook", "latest", ""}));
  // An official image, as references name it.
  EXPECT_THAT(Parse("{\"push_data\":{\"tag\":\"12\"},\"repository\":{\"repo_name\":\"debian\"}}").pushes,
              ElementsAre(ImagePush{"docker.io", "library/debian", "12", ""}));
  const RegistryEvent quay = Parse(Body("quay_push"));
  EXPECT_EQ(quay.sender, "quay");
  EXPECT_THAT(quay.pushes, ElementsAre(ImagePush{"quay.io", "dgangaia/test", "latest", ""},
                                       ImagePush{"quay.io", "dgangaia/test", "v2", ""}));
  EXPECT_THAT(Parse("{\"docker_url\":\"quay.io/a/b\",\"updated_tags\":{\"x\":\"b750fe\"}}").pushes,
              ElementsAre(ImagePush{"quay.io", "a/b", "x", ""}));
}

TEST(RegistryEvent, GitHubPackagesAreContainersOfGhcr) {
  const RegistryEvent event = Parse(Body("github_package"), {{"X-GitHub-Delivery", "72d3162e"}});
  EXPECT_EQ(event.sender, "github");
  EXPECT_EQ(event.delivery_id, "72d3162e");
  EXPECT_THAT(event.pushes,
              ElementsAre(ImagePush{"ghcr.io", "codertocat/hello_docker", "latest",
                                    "sha256:e6ba13ba9a0ef2d42d2a1ae2f4b9e1d2e04b8a67a6ae2f5de2d5ff42b1e1a2f3"}));
  std::string npm = Body("github_package");
  npm.replace(npm.find("\"package_type\": \"CONTAINER\""), 27, "\"package_type\": \"npm\"");
  EXPECT_THAT(Parse(npm).pushes, IsEmpty());
  EXPECT_THAT(Parse("{\"zen\":\"Keep it logically awesome.\",\"hook_id\":1}").pushes, IsEmpty());
}

TEST(RegistryEvent, WhatNoRegistrySendsIsRefused) {
  for (const char* bad : {"", "[]", "null", "{}", "{\"events\":1}", "{\"hello\":\"world\"}", "{\"events\":["}) {
    EXPECT_EQ(ParseRegistryEvent(In({}), bad).code(), Code::kInvalidArgument) << bad;
  }
  // Right in form and useless: nothing is pushed.
  for (const char* odd : {"{\"events\":[1,null,{}]}", "{\"push_data\":[]}", "{\"updated_tags\":5}",
                          "{\"event_data\":{\"resources\":{}},\"type\":\"PUSH_ARTIFACT\"}",
                          "{\"package\":{\"owner\":7},\"action\":\"published\"}",
                          "{\"push_data\":{\"tag\":\"no tag!\"},\"repository\":{\"repo_name\":\"a\"}}",
                          "{\"events\":[{\"action\":\"push\",\"target\":{\"repository\":\"A B\",\"tag\":\"x\"},"
                          "\"request\":{\"host\":\"h:1\"}}]}"}) {
    EXPECT_THAT(Parse(odd).pushes, IsEmpty()) << odd;
  }
}

TEST(RegistryEvent, OnlyTheTokenProvesADelivery) {
  const auto verify = [](const HeaderMap& headers, std::string_view query, std::string_view token = "s3cret") {
    return VerifyRegistry(In(headers), query, "{}", token, SystemTime());
  };
  EXPECT_TRUE(verify({{"Authorization", "Bearer s3cret"}}, "").ok());
  EXPECT_TRUE(verify({{"authorization", "s3cret"}}, "").ok());
  EXPECT_TRUE(verify({}, "s3cret").ok());
  EXPECT_THAT(verify({}, "").message(), HasSubstr("has no token"));
  EXPECT_EQ(verify({{"Authorization", "Bearer s3cre"}}, "").code(), Code::kUnauthenticated);
  EXPECT_EQ(verify({{"Authorization", "Bearer other"}}, "s3cret").code(), Code::kUnauthenticated);
  EXPECT_EQ(verify({{"Authorization", "Bearer "}}, "").code(), Code::kUnauthenticated);
  EXPECT_EQ(verify({{"Authorization", "Bearer "}}, "", "").code(), Code::kUnauthenticated);
  // GitHub signs. HMAC-SHA256 of "{}" under "s3cret".
  EXPECT_TRUE(
      verify({{"X-Hub-Signature-256", "sha256=adbde1ce40c89c14215687d5d762a47df6dfaefcfad61e2e86718ffc8498571b"}}, "")
          .ok());
  EXPECT_EQ(verify({{"X-Hub-Signature-256", "sha256=00"}, {"Authorization", "Bearer s3cret"}}, "").code(),
            Code::kUnauthenticated);
}

}  // namespace
}  // namespace slipway::trigger
