#include "executor/oci/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::oci {
namespace {

using ::testing::ElementsAre;

const std::string kDiffId = "sha256:" + std::string(64, 'a');

std::string Minimal(const std::string& fields) {
  return fmt::format(R"({{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{}"]}}{}}})",
                     kDiffId, fields);
}

TEST(ImageConfig, EveryFieldSurvivesARoundTrip) {
  ImageConfig config;
  config.created = *ParseTime("2024-01-02T03:04:05.6Z");
  config.author = "someone";
  config.platform = Platform{.os = "linux", .architecture = "arm64", .variant = "v8", .os_version = ""};
  config.config = RunConfig{.user = "1000:1000",
                            .exposed_ports = {"80/tcp", "53/udp"},
                            .env = {"B=2", "A=1"},
                            .entrypoint = {{"/bin/app", "--flag"}},
                            .cmd = std::vector<std::string>{},
                            .volumes = {"/data"},
                            .working_dir = "/srv",
                            .labels = {{"k", "v"}},
                            .stop_signal = "SIGINT",
                            .args_escaped = true,
                            .healthcheck = Healthcheck{.test = {"CMD-SHELL", "true"},
                                                       .interval = std::chrono::seconds(30),
                                                       .timeout = std::chrono::seconds(3),
                                                       .start_period = std::chrono::seconds(1),
                                                       .start_interval = std::chrono::milliseconds(500),
                                                       .retries = 3},
                            .on_build = {"RUN true"},
                            .shell = {{"/bin/bash", "-c"}}};
  config.diff_ids = {*Digest::Parse(kDiffId)};
  config.history = {{.created = *ParseTime("2024-01-02T03:04:05Z"), .created_by = "COPY a b", .comment = "c"},
                    {.created_by = "ENV A=1", .author = "x", .empty_layer = true}};
  const auto back = ImageConfig::Parse(config.ToJson());
  ASSERT_TRUE(back.ok()) << back.status().message();
  EXPECT_EQ(back->created, config.created);
  EXPECT_EQ(back->author, config.author);
  EXPECT_EQ(back->platform, config.platform);
  EXPECT_EQ(back->config, config.config);
  EXPECT_EQ(back->diff_ids, config.diff_ids);
  EXPECT_EQ(back->history, config.history);
  EXPECT_EQ(back->ToJson(), config.ToJson());
}

TEST(ImageConfig, UnsetAndEmptyCommandsAreToldApart) {
  EXPECT_EQ(ImageConfig::Parse(Minimal(R"(,"config":{})"))->config.cmd, std::nullopt);
  EXPECT_EQ(ImageConfig::Parse(Minimal(R"(,"config":{"Cmd":null})"))->config.cmd, std::nullopt);
  EXPECT_EQ(ImageConfig::Parse(Minimal(R"(,"config":{"Cmd":[]})"))->config.cmd, std::vector<std::string>{});
}

TEST(ImageConfig, OldImagesWithOneStringAreRead) {
  const auto config = ImageConfig::Parse(Minimal(R"(,"config":{"Entrypoint":"/bin/app"})"));
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_THAT(*config->config.entrypoint, ElementsAre("/bin/app"));
}

TEST(ImageConfig, NullsAreAsAbsent) {
  EXPECT_TRUE(ImageConfig::Parse(Minimal(R"(,"config":null,"history":null,"created":null)")).ok());
  EXPECT_TRUE(
      ImageConfig::Parse(
          Minimal(R"(,"config":{"Env":null,"Labels":null,"Volumes":null,"ExposedPorts":null,"Healthcheck":null})"))
          .ok());
}

TEST(ImageConfig, WrongTypesAreRefused) {
  for (const char* fields : {R"(,"config":[])", R"(,"config":{"Env":{}})", R"(,"config":{"Labels":[]})",
                             R"(,"config":{"Volumes":[]})", R"(,"config":{"Healthcheck":1})",
                             R"(,"created":"yesterday")", R"(,"history":[1])", R"(,"config":{"Cmd":[1]})"}) {
    EXPECT_EQ(ImageConfig::Parse(Minimal(fields)).code(), Code::kInvalidArgument) << fields;
  }
  for (const char* text : {"{}", R"({"rootfs":{"diff_ids":["sha256:x"]}})", R"({"rootfs":{"diff_ids":[1]}})", "[]"}) {
    EXPECT_EQ(ImageConfig::Parse(text).code(), Code::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace slipway::oci
