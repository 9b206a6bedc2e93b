// The texts of build and cmd steps.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "steps/task/build_text.h"
#include "steps/task/cmd_text.h"

namespace slipway::task {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Result<BuildStep> Parse(std::string_view text, std::vector<std::string>* warnings = nullptr) {
  std::vector<std::string> ignored;
  return ParseBuild(text,
                    {.working_directory = "/workspace/w",
                     .platforms = {},
                     .rules = {.default_registry = "r.io", .allow_host_network = false}},
                    warnings == nullptr ? &ignored : warnings);
}

TEST(BuildText, TakesTheFlagsOfDockerBuildInAnyForm) {
  const Result<BuildStep> step = Parse(
      "-t a --tag=b.io/c:1 -f docker/F --build-arg A=1 --build-arg=B='x y' --target t --no-cache --pull=true --label "
      "l=v "
      "--platform linux/amd64,linux/arm64 --network none --add-host h:1.2.3.4 --cache-from=ubuntu -q sub");
  ASSERT_TRUE(step.ok()) << step.status().message();
  const builder::BuildRequest& request = step->request;
  EXPECT_EQ(request.names.at(0).ToString(), "r.io/a:latest");
  EXPECT_EQ(request.names.at(1).ToString(), "b.io/c:1");
  EXPECT_EQ(request.build_args.at(1).value, "x y");
  EXPECT_EQ(request.target, "t");
  EXPECT_TRUE(request.no_cache && request.pull);
  EXPECT_EQ(request.labels.at("l"), "v");
  EXPECT_EQ(request.platforms.size(), 2U);
  EXPECT_EQ(request.network, "none");
  EXPECT_EQ(step->context_folder, "/workspace/w/sub");
  EXPECT_EQ(request.cache_from.at(0).ToString(), "r.io/ubuntu:latest");
  EXPECT_EQ(step->dockerfile, "/workspace/w/docker/F");
  EXPECT_TRUE(step->assemble);
}

TEST(BuildText, TheContextMayStandAnywhere) {
  EXPECT_EQ(Parse("https://x.io/y.git#main:dir -t a")->context_folder, "");
  EXPECT_TRUE(std::holds_alternative<source::GitContext>(Parse("--no-cache https://x.io/y.git -f D")->request.context));
  EXPECT_EQ(Parse("https://x.io/y.git -f D")->request.dockerfile, "D");
  EXPECT_EQ(Parse("-t a -- .")->context_folder, "/workspace/w");
}

std::string CacheOf(std::string_view text, const std::string& registry, std::vector<std::string>* warnings) {
  const Result<BuildStep> step = ParseBuild(
      text,
      {.working_directory = "/workspace", .platforms = {}, .rules = {.default_registry = registry}, .cache_tag = "c_t"},
      warnings);
  if (!step.ok() || step->request.cache_to.empty()) return step.status().message();
  EXPECT_TRUE(step->request.cache_to.at(0).all_steps);
  EXPECT_EQ(step->request.cache_from.at(0), step->request.cache_to.at(0).ref);
  return step->request.cache_to.at(0).ref.ToString();
}

TEST(BuildText, ACacheIsBesideTheFirstImageThatHasARegistry) {
  std::vector<std::string> warnings;
  EXPECT_EQ(CacheOf("-t a:1 -t b.io/x/c:2 .", "r.io", &warnings), "b.io/x/c:c_t");
  EXPECT_EQ(CacheOf("-t a:1 .", "r.io", &warnings), "r.io/a:c_t");
  EXPECT_EQ(CacheOf(".", "r.io", &warnings), "");
  EXPECT_THAT(warnings, IsEmpty());
  EXPECT_EQ(CacheOf("-t a:1 .", "", &warnings), "");
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("neither the image nor the daemon has a registry")));
}

TEST(BuildText, SaysWhatIsWrong) {
  EXPECT_THAT(Parse("-t a").status().message(), HasSubstr("names no context"));
  EXPECT_THAT(Parse("-t a . b").status().message(), HasSubstr("names 2 contexts ('.' and 'b')"));
  EXPECT_THAT(Parse("--tga a .").status().message(), HasSubstr("the flag --tga is not known; did you mean '--tag'?"));
  EXPECT_THAT(Parse("-t").status().message(), HasSubstr("-t has no value"));
  EXPECT_THAT(Parse("--build-arg FOO .").status().message(), HasSubstr("'FOO' has no value"));
  EXPECT_THAT(Parse("-t A .").status().message(), HasSubstr("--tag: "));
  EXPECT_THAT(Parse("--network host .").status().message(), HasSubstr("--network: the operator does not allow"));
  EXPECT_THAT(Parse("../..").status().message(), HasSubstr("the context '../..' is not in /workspace"));
  EXPECT_THAT(Parse("-f /etc/passwd .").status().message(),
              HasSubstr("the Dockerfile '/etc/passwd' is not in /workspace"));
  EXPECT_THAT(Parse(". && echo").status().message(), HasSubstr("'&&' is for a shell"));
  EXPECT_THAT(Parse("--push .").status().message(), HasSubstr("a push step pushes"));
  EXPECT_THAT(Parse("-").status().message(), HasSubstr("standard input"));
}

TEST(BuildText, AGithubAddressWithoutGitIsDoubted) {
  std::vector<std::string> warnings;
  EXPECT_TRUE(Parse("https://github.com/org/x", &warnings).ok());
  EXPECT_THAT(warnings,
              ElementsAre("'https://github.com/org/x' may be no git repository; the URL of one ends in '.git'"));
}

TEST(BuildText, AttestationsAreAskedForAsDockerHasIt) {
  const auto attest = [](std::string_view flags) {
    const Result<BuildStep> step = Parse(fmt::format("{} -t a .", flags));
    EXPECT_TRUE(step.ok()) << step.status().message();
    return step.ok() ? step->request.attest : attest::Options();
  };
  using Mode = attest::ProvenanceMode;
  EXPECT_FALSE(attest("").any());
  EXPECT_FALSE(attest("--provenance=false --sbom=false").any());
  EXPECT_FALSE(attest("--provenance false --sbom false").any());
  EXPECT_EQ(attest("--provenance=true").provenance, Mode::kMin);
  EXPECT_EQ(attest("--provenance=mode=max").provenance, Mode::kMax);
  EXPECT_EQ(attest("--attest type=provenance,mode=max").provenance, Mode::kMax);
  EXPECT_EQ(attest("--provenance=true --attest type=provenance,disabled=true").provenance, Mode::kNone);
  EXPECT_TRUE(attest("--sbom=true").sbom);
  EXPECT_TRUE(attest("--attest=type=sbom").sbom);
  std::vector<std::string> warnings;
  EXPECT_TRUE(Parse("--sbom=generator=r.io/scan .", &warnings)->request.attest.sbom);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("'generator' of an attestation has no effect here")));
  EXPECT_THAT(Parse("--provenance=mode=most .").status().message(), HasSubstr("--provenance: mode 'most' is neither"));
  EXPECT_THAT(Parse("--attest mode=max .").status().message(), HasSubstr("--attest: type '' is neither sbom nor"));
  EXPECT_THAT(Parse("--sbom=yes .").status().message(), HasSubstr("'yes' is not understood"));
}

TEST(BuildText, FurtherContextsAreImagesAndUrls) {
  const Result<BuildStep> step = Parse(
      "--build-context base=docker-image://alpine:3 --build-context src=https://x.io/y.git#main "
      "--build-context=file=https://x.io/y.txt --squash .");
  ASSERT_TRUE(step.ok()) << step.status().message();
  EXPECT_TRUE(step->request.squash);
  const auto& contexts = step->request.inputs.contexts;
  EXPECT_EQ(std::get<builder::ImageContext>(contexts.at("base")).name, "alpine:3");
  EXPECT_TRUE(std::holds_alternative<source::GitContext>(std::get<source::ContextSpec>(contexts.at("src"))));
  EXPECT_EQ(std::get<builder::FileContext>(contexts.at("file")).url, "https://x.io/y.txt");
  for (const std::string_view folder :
       {"x=./lib", "x=lib", "x=/workspace/lib", "x=upload:sha256:1", "x=oci-layout://l"}) {
    EXPECT_THAT(Parse(fmt::format("--build-context {} .", folder)).status().message(),
                HasSubstr("is a folder, and a step takes images (docker-image://NAME) and URLs only"));
  }
  EXPECT_THAT(Parse("--build-context base .").status().message(), HasSubstr("is not of the form NAME="));
  EXPECT_THAT(Parse("--build-context x=docker-image://A .").status().message(), HasSubstr("--build-context: 'x': "));
}

TEST(BuildText, FlagsForTheMachineAreTakenWithAWarning) {
  std::vector<std::string> warnings;
  EXPECT_TRUE(Parse("-q --rm --force-rm --compress --isolation=default --disable-content-trust --shm-size 1g "
                    "--ulimit nofile=1024:2048 --isolation default .",
                    &warnings)
                  .ok());
  EXPECT_THAT(warnings, IsEmpty());
  const Result<BuildStep> step = Parse(
      "-m 2g --memory-swap=-1 -c 512 --cpu-period 1 --cpu-quota=2 --cpuset-cpus 0-1 --cpuset-mems 0 --cgroup-parent x "
      "--security-opt seccomp=unconfined --security-opt label=disable --disable-content-trust=false -t a .",
      &warnings);
  ASSERT_TRUE(step.ok()) << step.status().message();
  EXPECT_EQ(step->request.names.size(), 1U);
  EXPECT_EQ(warnings.size(), 10U);
  EXPECT_EQ(warnings.at(0), "--memory has no effect here: what a build step may use is the operator's to say");
}

TEST(BuildText, AnErrorNamesTheFlagThatItCameFrom) {
  EXPECT_THAT(Parse("--ulimit x .").status().message(), HasSubstr("--ulimit: "));
  EXPECT_THAT(Parse("--allow security.insecure .").status().message(), HasSubstr("--allow: "));
  EXPECT_THAT(Parse("--squash --cache-to type=inline -t a .").status().message(), HasSubstr("--squash: "));
}

struct Command {
  Status status;
  Step step;
  CmdStep cmd;
  std::vector<std::string> warnings;
};

Command ParseLine(std::string_view text) {
  Command out;
  out.step.what = CmdStep{};
  out.status = ParseCmd(text, "r.io", &out.step, &out.warnings);
  if (out.status.ok()) out.cmd = std::get<CmdStep>(out.step.what);
  return out;
}

TEST(CmdText, FlagsOfDockerRunBeforeTheImage) {
  const Command c = ParseLine(
      "-dit -p 8080:80 --name test -e A=1 -u 1:2 -w /w --entrypoint sh --cpus=1.5 -m 64m --net=none --add-host "
      "a:1.2.3.4 "
      "--read-only -v vol:/x:ro img -c 'a b'");
  ASSERT_TRUE(c.status.ok()) << c.status.message();
  EXPECT_TRUE(c.cmd.detach && c.cmd.read_only);
  EXPECT_THAT(c.step.ports, ElementsAre(PortMapping{.host_address = "", .host_port = 8080, .container_port = 80}));
  EXPECT_THAT(c.cmd.network_aliases, ElementsAre("test"));
  EXPECT_THAT(c.step.env, ElementsAre("A=1"));
  EXPECT_EQ(c.step.user, "1:2");
  EXPECT_EQ(c.step.working_directory, "/w");
  EXPECT_EQ(c.cmd.entry_point, "sh");
  EXPECT_EQ(c.step.cpus, 1.5);
  EXPECT_EQ(c.cmd.memory_bytes, 64U << 20);
  EXPECT_EQ(c.step.network, "none");
  EXPECT_EQ(c.step.volume_mounts.at(0).mount_path, "/x");
  EXPECT_EQ(c.cmd.image, "img");
  EXPECT_THAT(c.cmd.arguments, ElementsAre("-c", "a b"));
}

TEST(CmdText, WhatIsForAShellIsRefusedWithTheWordsThatPutItInside) {
  EXPECT_EQ(ParseLine("bash echo hi | tee x").status.message(),
            "'|' is for a shell, and none runs outside of the container; put it into the container: cmd: bash sh -c "
            "'echo hi | "
            "tee x'");
  EXPECT_THAT(ParseLine("-e A=1 img echo 'x' > f").status.message(),
              HasSubstr(R"(cmd: -e A=1 img sh -c 'echo '\''x'\'' > f')"));
  EXPECT_THAT(ParseLine("img a\nimg b\n").status.message(), HasSubstr("a second command line is for a shell"));
  EXPECT_THAT(ParseLine("img; x").status.message(), HasSubstr("';' is for a shell"));
  EXPECT_TRUE(ParseLine("img sh -c 'a | b; c'\n\n").status.ok());
}

TEST(CmdText, ThereIsNoDockerDaemon) {
  EXPECT_THAT(ParseLine("-v /var/run/docker.sock:/var/run/docker.sock img").status.message(),
              HasSubstr("there is no Docker daemon here"));
  EXPECT_EQ(ParseLine("docker stop test").status.message(),
            "'docker stop' needs a Docker daemon, and there is none: leave it out: detached steps end with the run");
  EXPECT_THAT(ParseLine("docker build -t a .").status.message(), HasSubstr("write it as 'build: …'"));
  EXPECT_TRUE(ParseLine("my.io/docker pull x").status.ok());
}

TEST(CmdText, SaysWhatIsWrong) {
  EXPECT_EQ(ParseLine("-d").status.message(), "names no image");
  EXPECT_THAT(ParseLine("--nane x img").status.message(),
              HasSubstr("the flag --nane is not known; did you mean '--name'?"));
  EXPECT_THAT(ParseLine("-v /etc:/x img").status.message(), HasSubstr("only a volume of the task can be mounted"));
  EXPECT_THAT(ParseLine("--cap-add SYS_ADMIN img").status.message(), HasSubstr("no more rights"));
  EXPECT_THAT(ParseLine("-w rel img").status.message(), HasSubstr("no absolute path"));
  EXPECT_THAT(ParseLine("IMG").status.message(), HasSubstr("image: "));
  EXPECT_THAT(ParseLine("img 'x").status.message(), HasSubstr("has no end"));
  EXPECT_THAT(ParseLine("-e FOO img").warnings, ElementsAre(HasSubstr("'-e FOO' has no value and is left out")));
}

TEST(CmdText, Ports) {
  EXPECT_THAT(*ParsePorts("80"), ElementsAre(PortMapping{.container_port = 80}));
  EXPECT_THAT(*ParsePorts("127.0.0.1:8080:80/udp"),
              ElementsAre(PortMapping{
                  .host_address = "127.0.0.1", .host_port = 8080, .container_port = 80, .protocol = "udp"}));
  EXPECT_EQ(ParsePorts("8000-8002:80-82")->size(), 3U);
  EXPECT_FALSE(ParsePorts("8000-8002:80").ok());
  EXPECT_FALSE(ParsePorts("80/sctp").ok());
  EXPECT_FALSE(ParsePorts("").ok());
  EXPECT_FALSE(ParsePorts("0").ok());
}

}  // namespace
}  // namespace slipway::task
