// What of a build request reaches the lowering and the export.
#include "executor/builder/request_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "executor/builder/epoch.h"

namespace slipway::builder {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

BuildRequest WithArg(const std::string& name, const std::string& value) {
  BuildRequest request;
  request.build_args = {{.name = name, .value = value}};
  return request;
}

Result<dockerfile::LowerOptions> Lowered(const BuildRequest& request, const Options& options = {}) {
  return LowerOptionsOf(options, request, request.build_args, {"linux", "arm64", "", ""}, nullptr);
}

std::vector<std::string> Names(const std::vector<oci::Platform>& platforms) {
  std::vector<std::string> out;
  for (const oci::Platform& platform : platforms) out.push_back(platform.ToString());
  return out;
}

TEST(RequestOptions, EachPlatformIsBuiltOnceInOrder) {
  BuildRequest request;
  EXPECT_THAT(Names(PlatformsOf(request)), ElementsAre(oci::Platform::Host().ToString()));
  request.platforms = {{"linux", "aarch64", "", ""}, {"linux", "x86_64", "", ""}, {"linux", "arm64", "v8", ""}};
  EXPECT_THAT(Names(PlatformsOf(request)), ElementsAre("linux/arm64", "linux/amd64"));
}

TEST(RequestOptions, AnIndexOfOneIsAskedForByAnArgument) {
  EXPECT_FALSE(*WantsIndex({}));
  EXPECT_TRUE(*WantsIndex(WithArg("BUILDKIT_MULTI_PLATFORM", "1")));
  EXPECT_FALSE(*WantsIndex(WithArg("BUILDKIT_MULTI_PLATFORM", "false")));
  EXPECT_EQ(WantsIndex(WithArg("BUILDKIT_MULTI_PLATFORM", "yes")).status().message(),
            "build arg BUILDKIT_MULTI_PLATFORM='yes' is neither true nor false");
  BuildRequest several = WithArg("BUILDKIT_MULTI_PLATFORM", "0");
  several.platforms = {{"linux", "amd64", "", ""}, {"linux", "arm64", "", ""}};
  EXPECT_THAT(WantsIndex(several).status().message(), HasSubstr("contradicts the 2 platforms"));
}

TEST(RequestOptions, NothingLentIsNothing) {
  EXPECT_EQ(LentBy({}), nullptr);
  BuildInputs inputs;
  inputs.secrets = {{.id = "key", .value = "s3cret"}};
  EXPECT_THAT(LentBy(inputs)->secrets, ElementsAre(Pair("key", "s3cret")));
}

TEST(RequestOptions, ReachTheLowering) {
  BuildRequest request;
  request.target = "t";
  request.build_args = {{.name = "A", .value = "1"}, {.name = "TOKEN", .value = "x", .secret = true}};
  request.labels = {{"l", "1"}};
  request.no_cache = true;
  request.network = "none";
  request.add_hosts = {"db:10.0.0.1", "six=::1"};
  request.inputs.ulimits = {"nofile=10:20"};
  request.inputs.shm_bytes = 7;
  const auto options = Lowered(request);
  ASSERT_TRUE(options.ok()) << options.status().message();
  EXPECT_EQ(options->target, "t");
  EXPECT_THAT(options->build_args, ElementsAre(Pair("A", "1"), Pair("TOKEN", "x")));
  EXPECT_THAT(options->secret_args, ElementsAre("TOKEN"));
  EXPECT_THAT(options->labels, ElementsAre(Pair("l", "1")));
  EXPECT_TRUE(options->no_cache);
  EXPECT_EQ(options->network, graph::Network::kNone);
  EXPECT_THAT(options->extra_hosts, ElementsAre(Pair("db", "10.0.0.1"), Pair("six", "::1")));
  EXPECT_THAT(options->ulimits, ElementsAre("nofile=10:20"));
  EXPECT_EQ(options->shm_bytes, 7U);
  EXPECT_EQ(options->target_platform.ToString(), "linux/arm64");
  EXPECT_EQ(options->build_platform, oci::Platform::Host());
  EXPECT_FALSE(options->multi_platform);
}

TEST(RequestOptions, LeaveNeedsBothTheOperatorAndWhoBuilds) {
  BuildRequest request;
  request.inputs.allow_host_network = true;
  Options operators;
  operators.allow_insecure_security = true;
  const dockerfile::LowerOptions options = *Lowered(request, operators);
  EXPECT_TRUE(options.ask_host_network);
  EXPECT_FALSE(options.allow_host_network);
  EXPECT_FALSE(options.ask_insecure);
  EXPECT_TRUE(options.allow_insecure);
}

TEST(RequestOptions, WhatIsWrongIsNamed) {
  BuildRequest network;
  network.network = "bridged";
  EXPECT_EQ(Lowered(network).status().message(), "network 'bridged' is none of default, none, host");
  BuildRequest host;
  host.add_hosts = {"no-address"};
  EXPECT_EQ(Lowered(host).code(), Code::kInvalidArgument);
  EXPECT_THAT(Lowered(host).status().message(), HasSubstr("no-address"));
}

TEST(RequestOptions, ReachTheExport) {
  BuildRequest request = WithArg("SOURCE_DATE_EPOCH", "100");
  request.media_types = oci::Family::kDocker;
  request.compression = oci::Compression::kZstd;
  request.compression_level = 9;
  request.rewrite_timestamp = true;
  request.annotations = {{"a", "b"}};
  const auto options = ExportOptionsOf(request, request.build_args);
  ASSERT_TRUE(options.ok()) << options.status().message();
  EXPECT_EQ(options->family, oci::Family::kDocker);
  EXPECT_EQ(options->compression, oci::Compression::kZstd);
  EXPECT_EQ(options->level, 9);
  EXPECT_TRUE(options->rewrite_timestamp);
  EXPECT_THAT(options->annotations, ElementsAre(Pair("a", "b")));
  EXPECT_EQ(options->epoch, SystemTime(std::chrono::seconds(100)));
}

TEST(RequestOptions, TheEpochIsASecondOrThatOfTheCommit) {
  const auto epoch = [](const std::string& asked, std::optional<SystemTime> commit = {}) {
    BuildRequest request;
    request.source_date_epoch = asked;
    auto arguments = ArgumentsWithEpoch(request, commit);
    if (!arguments.ok()) return arguments.status().message();
    return arguments->empty() ? std::string() : arguments->front().name + "=" + arguments->front().value;
  };
  EXPECT_EQ(epoch(""), "");
  EXPECT_EQ(epoch("12"), "SOURCE_DATE_EPOCH=12");
  EXPECT_EQ(epoch("commit", SystemTime(std::chrono::seconds(34))), "SOURCE_DATE_EPOCH=34");
  EXPECT_THAT(epoch("commit"), HasSubstr("commit"));
  EXPECT_EQ(EpochOf({{.name = "SOURCE_DATE_EPOCH", .value = "soon"}}).code(), Code::kInvalidArgument);
  EXPECT_FALSE(EpochOf({})->has_value());
}

}  // namespace
}  // namespace slipway::builder
