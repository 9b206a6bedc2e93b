// What a Dockerfile becomes: vertices and the edges between them, what each does, the image's config and history.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/executor/dockerfile/lowering.h"

namespace slipway::dockerfile {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

Lowered LoweredOf(const std::string& text, LowerOptions options = {}, Images images = {}) {
  auto lowered = LowerText(text, std::move(options), std::move(images));
  EXPECT_TRUE(lowered.ok()) << lowered.status().message();
  return std::move(lowered).ValueOr({});
}

/// A base with a config of its own, as "base"; others in name only.
Images WithBases(const std::vector<std::string>& names = {}) {
  oci::ImageConfig config;
  config.config.env = {"PATH=/bin", "A=base"};
  config.config.cmd = {"sh"};
  config.config.labels = {{"from", "base"}};
  config.config.working_dir = "/srv";
  config.history = {{.created = {}, .created_by = "made", .author = "", .comment = "", .empty_layer = false}};
  Images images;
  images.Add("base", config);
  for (const std::string& name : names) images.Add(name, {});
  return images;
}

std::string Did(const graph::CopyAction& copy) {
  return fmt::format("copy {}:{} to {}", copy.input, fmt::join(copy.sources, " "), copy.destination);
}
std::string Did(const graph::MakeDirAction& make) { return "mkdir " + make.path; }
std::string Did(const graph::MakeFileAction& make) { return fmt::format("write {} '{}'", make.path, make.content); }

std::string Does(const graph::SourceOp&) { return "is there"; }
std::string Does(const graph::HttpOp& op) { return "fetch " + op.url; }
std::string Does(const graph::GitOp& op) { return "clone " + op.url; }
std::string Does(const graph::FileOp& op) {
  std::vector<std::string> actions;
  for (const graph::FileAction& action : op.actions) {
    actions.push_back(std::visit([](const auto& typed) { return Did(typed); }, action));
  }
  return fmt::format("{}{}", op.link ? "linked: " : "", fmt::join(actions, ", "));
}
std::string Does(const graph::ExecOp& op) {
  std::string out = fmt::format("run {}", fmt::join(op.args, " "));
  for (const graph::ExecMount& mount : op.mounts) {
    out += fmt::format(", {} on {}", mount.input ? fmt::format("{}:{}", *mount.input, mount.source) : mount.id,
                       mount.target);
  }
  return out;
}

/// One line a vertex, inputs before their users: "2(1,0) run /bin/sh -c x"; the numbers are those of its inputs.
std::vector<std::string> GraphOf(const Lowered& lowered) {
  std::vector<std::string> lines;
  std::map<const graph::Vertex*, size_t> numbers;
  for (const graph::VertexPtr& vertex : graph::Topological({lowered.result})) {
    std::vector<size_t> inputs;
    for (const graph::VertexPtr& input : vertex->inputs) inputs.push_back(numbers.at(input.get()));
    const size_t number = numbers.size();
    numbers.emplace(vertex.get(), number);
    lines.push_back(fmt::format("{}({}) {}", number, fmt::join(inputs, ","),
                                std::visit([](const auto& op) { return Does(op); }, vertex->op)));
  }
  return lines;
}

std::vector<std::string> GraphOf(const std::string& text, Images images = {}) {
  return GraphOf(LoweredOf(text, {}, std::move(images)));
}

std::vector<std::string> NamesOf(const Lowered& lowered) {
  std::vector<std::string> names;
  for (const graph::VertexPtr& vertex : graph::Topological({lowered.result})) names.push_back(vertex->name);
  return names;
}

graph::ExecOp LastRun(const std::string& text, LowerOptions options = {}) {
  const Lowered lowered = LoweredOf(text, std::move(options), WithBases());
  return lowered.result == nullptr ? graph::ExecOp() : std::get<graph::ExecOp>(lowered.result->op);
}

graph::CopyAction LastCopy(const std::string& text) {
  const Lowered lowered = LoweredOf(text);
  return std::get<graph::CopyAction>(std::get<graph::FileOp>(lowered.result->op).actions.at(0));
}

/// "created_by", with a "-" in front where there is no layer.
std::vector<std::string> HistoryOf(const std::string& text) {
  std::vector<std::string> out;
  for (const oci::HistoryEntry& entry : LoweredOf(text, {}, WithBases()).config.history) {
    out.push_back((entry.empty_layer ? "-" : "") + entry.created_by);
  }
  return out;
}

TEST(Graph, WhatOnlyEditsTheConfigIsNoVertex) {
  EXPECT_THAT(GraphOf("FROM base\nENV A=1\nLABEL b=2\nEXPOSE 80\nCMD x\nUSER u\nARG c\n", WithBases()),
              ElementsAre("0() is there"));
}

TEST(Graph, EachStepStandsOnTheOneBefore) {
  EXPECT_THAT(
      GraphOf("FROM base\nRUN x\nCOPY a b /d/\nRUN [\"y\", \"z\"]\n", WithBases()),
      ElementsAre("0() is there", "1(0) run /bin/sh -c x", "2() is there", "3(1,2) copy 1:a b to /d/", "4(3) run y z"));
}

TEST(Graph, AStageIsTakenByNameByNumberAndAsABase) {
  EXPECT_THAT(GraphOf("FROM base AS one\nRUN x\nFROM base\nCOPY --from=one /a /\nCOPY --from=0 /b /\nFROM one\n"
                      "COPY --from=1 /c /\n",
                      WithBases()),
              ElementsAre("0() is there", "1(0) run /bin/sh -c x", "2() is there", "3(2,1) copy 1:/a to /",
                          "4(3,1) copy 1:/b to /", "5(1,4) copy 1:/c to /"));
}

TEST(Graph, AStageThatTheTargetDoesNotNeedIsNotLookedAt) {
  EXPECT_THAT(GraphOf("FROM no-such-image AS unused\nRUN x\nFROM base\nRUN y\n", WithBases()),
              ElementsAre("0() is there", "1(0) run /bin/sh -c y"));
  LowerOptions options;
  options.target = "one";
  EXPECT_THAT(
      GraphOf(LoweredOf("FROM base AS one\nRUN x\nFROM one\nCOPY --from=no-such-image / /\n", options, WithBases())),
      ElementsAre("0() is there", "1(0) run /bin/sh -c x"));
}

TEST(Graph, AnImageIsASourceToo) {
  const Lowered lowered =
      LoweredOf("FROM base AS one\nRUN x\nFROM last\nCOPY --from=tools /t /\nCOPY --from=one /x /\n", {},
                WithBases({"tools", "last"}));
  EXPECT_THAT(GraphOf(lowered), ElementsAre("0() is there", "1() is there", "2(0,1) copy 1:/t to /", "3() is there",
                                            "4(3) run /bin/sh -c x", "5(2,4) copy 1:/x to /"));
  std::map<std::string, bool> bases;  // by name: whether the target stands on it
  for (const BaseImage& base : lowered.bases) bases[base.reference.Familiar()] = base.runtime;
  EXPECT_THAT(bases, ElementsAre(Pair("base:latest", false), Pair("last:latest", true), Pair("tools:latest", false)));
}

TEST(Graph, MountsAreInputs) {
  EXPECT_THAT(GraphOf("FROM base AS one\nRUN x\nFROM base\n"
                      "RUN --mount=from=one,source=/o,target=/m --mount=target=/ctx --mount=type=cache,target=/c y\n",
                      WithBases()),
              ElementsAre("0() is there", "1() is there", "2(1) run /bin/sh -c x", "3() is there",
                          "4(0,2,3) run /bin/sh -c y, 1:/o on /m, 2:/ on /ctx, /c on /c"));
}

TEST(Graph, FilesOfTheDockerfileAreMadeAndCopied) {
  EXPECT_THAT(GraphOf("FROM scratch\nCOPY a <<f /d/\ntext\nf\n"),
              ElementsAre("0() is there", "1() is there", "2() is there", "3(2) write /f 'text\n'",
                          "4(0,1,3) copy 1:a to /d/, copy 2:/f to /d/"));
}

TEST(Graph, AScriptWithItsOwnInterpreterIsMounted) {
  EXPECT_THAT(GraphOf("FROM scratch\nRUN <<E\n#!/bin/x\ny\nE\n"),
              ElementsAre("0() is there", "1() is there", "2(1) write /E '#!/bin/x\ny\n'",
                          "3(0,2) run /bin/sh -c /dev/pipes/E, 1:/E on /dev/pipes/E"));
}

TEST(Graph, AddTakesFilesAddressesAndRepositories) {
  EXPECT_THAT(GraphOf("FROM scratch\nADD a.tar http://h/f.tgz https://h/r.git#v1 /d/\n"),
              ElementsAre("0() is there", "1() is there", "2() fetch http://h/f.tgz", "3() clone https://h/r.git#v1",
                          "4(0,1,2,3) copy 1:a.tar to /d/, copy 2:/f.tgz to /d/, copy 3:/ to /d/"));
}

TEST(Graph, AFolderIsMadeForWorkdirUnlessItIsTheRoot) {
  EXPECT_THAT(GraphOf("FROM scratch\nWORKDIR /a\nWORKDIR b\nWORKDIR /\n"),
              ElementsAre("0() is there", "1(0) mkdir /a", "2(1) mkdir /a/b"));
}

TEST(Graph, NamesCountTheStepsOfAStage) {
  EXPECT_THAT(NamesOf(LoweredOf("FROM base AS one\nENV a=1\nRUN x\nFROM one\nCOPY --from=one a b\n", {}, WithBases())),
              ElementsAre("docker.io/library/base:latest", "[one 2/2] RUN x", "[stage-1 2/2] COPY --from=one a b"));
  EXPECT_EQ(NamesOf(LoweredOf("FROM scratch\nRUN x\n")).back(), "[2/2] RUN x");
}

TEST(Graph, TheContextIsAskedForOnceAndOnlyIfItIsUsed) {
  int asked = 0;
  const auto lower = [&asked](const std::string& text) {
    LowerOptions options;
    options.target_platform = options.build_platform = {"linux", "amd64", "", ""};
    options.context = [&asked] {
      ++asked;
      return graph::Make(graph::SourceOp{{}, Digest::Of("context")}, {}, {});
    };
    Images images = WithBases();
    ThreadPool pool(1, "test");
    EXPECT_TRUE(Lower(Context::Background(), *Parse(text, "Dockerfile"), options, images, pool).ok());
  };
  lower("FROM base\nRUN x\nCOPY <<f /\nx\nf\n");
  EXPECT_EQ(asked, 0);
  lower("FROM base\nCOPY a /\nADD b /\nRUN --mount=target=/c x\n");
  EXPECT_EQ(asked, 1);
}

TEST(Definition, IsOfWhatIsDoneAndNotOfHowItIsWritten) {
  const auto definition = [](const std::string& text) { return LoweredOf(text, {}, WithBases()).result->definition; };
  const Digest plain = definition("FROM base\nRUN x\n");
  EXPECT_EQ(definition("# a comment\n\nFROM base AS named\n  run x\n"), plain);
  EXPECT_EQ(definition("FROM base\nLABEL a=1\nRUN x\n"), plain);
  EXPECT_NE(definition("FROM base\nRUN y\n"), plain);
  EXPECT_NE(definition("FROM base\nENV a=1\nRUN x\n"), plain);
  EXPECT_NE(definition("FROM base\nUSER u\nRUN x\n"), plain);
  EXPECT_NE(definition("FROM scratch\nRUN x\n"), plain);
}

TEST(Run, HasWhatTheInstructionsBeforeItSet) {
  const graph::ExecOp op = LastRun(
      "FROM base\nENV B=1\nARG C=2\nWORKDIR sub\nUSER me:us\nSHELL [\"/bin/bash\", \"-c\"]\nRUN --network=none x\n");
  EXPECT_THAT(op.args, ElementsAre("/bin/bash", "-c", "x"));
  EXPECT_THAT(op.env, ElementsAre("PATH=/bin", "A=base", "B=1", "C=2"));
  EXPECT_EQ(op.cwd, "/srv/sub");
  EXPECT_EQ(op.user, "me:us");
  EXPECT_EQ(op.network, graph::Network::kNone);
  EXPECT_THAT(op.arg_names, ElementsAre("C"));
}

TEST(Run, ProxiesReachItBesidesWhatItIs) {
  LowerOptions options;
  options.build_args = {{"http_proxy", "p"}, {"OTHER", "o"}};
  const graph::ExecOp op = LastRun("FROM base\nRUN x\n", options);
  EXPECT_THAT(op.uncached_env, ElementsAre("HTTP_PROXY=p", "http_proxy=p"));
  EXPECT_THAT(op.env, ElementsAre("PATH=/bin", "A=base"));
}

TEST(Run, HostNetworkAndInsecureNeedLeave) {
  const auto error = [](const std::string& text, const LowerOptions& options) {
    return LowerText(text, options, WithBases()).status().message();
  };
  const std::string network = "FROM base\nRUN --network=host x\n";
  const std::string insecure = "FROM base\nRUN --security=insecure x\n";
  EXPECT_THAT(error(network, {}), ::testing::HasSubstr("allow_host_network"));
  EXPECT_THAT(error(insecure, {}), ::testing::HasSubstr("allow_insecure_security"));
  LowerOptions allowed;
  allowed.allow_host_network = allowed.allow_insecure = true;
  EXPECT_THAT(error(network, allowed), ::testing::HasSubstr("--allow network.host"));
  EXPECT_THAT(error(insecure, allowed), ::testing::HasSubstr("--allow security.insecure"));
  allowed.ask_host_network = allowed.ask_insecure = true;
  EXPECT_EQ(LastRun(network, allowed).network, graph::Network::kHost);
  EXPECT_TRUE(LastRun(insecure, allowed).insecure);
}

TEST(Copy, FlagsReachTheAction) {
  const graph::CopyAction copy =
      LastCopy("FROM scratch\nCOPY --chown=me:us --chmod=u+x --parents --exclude=*.o a/./b /d\n");
  EXPECT_EQ(copy.owner->user, "me");
  EXPECT_EQ(copy.owner->group, "us");
  EXPECT_EQ(copy.mode, "u+x");
  EXPECT_TRUE(copy.parents);
  EXPECT_THAT(copy.exclude, ElementsAre("*.o"));
  EXPECT_THAT(copy.sources, ElementsAre("a/./b"));
  EXPECT_EQ(copy.destination, "/d");
  EXPECT_FALSE(copy.unpack);
  EXPECT_TRUE(LastCopy("FROM scratch\nADD a /d\n").unpack);
  EXPECT_FALSE(LastCopy("FROM scratch\nADD --unpack=false a /d\n").unpack);
}

TEST(Copy, ADestinationIsBelowTheWorkingDirectory) {
  EXPECT_EQ(LastCopy("FROM scratch\nWORKDIR /w\nCOPY a b\n").destination, "/w/b");
  EXPECT_EQ(LastCopy("FROM scratch\nWORKDIR /w\nCOPY a ../b/\n").destination, "/b/");
  EXPECT_EQ(LastCopy("FROM scratch\nWORKDIR /w\nCOPY a .\n").destination, "/w/");
}

TEST(Copy, LinkMakesALayerOfItsOwn) {
  EXPECT_THAT(GraphOf("FROM scratch\nCOPY --link a /d\n"),
              ElementsAre("0() is there", "1() is there", "2(0,1) linked: copy 1:a to /d"));
}

TEST(Config, StandsOnThatOfTheBase) {
  const Lowered lowered = LoweredOf(
      "FROM base\nENV A=own B=$A\nLABEL l=1\nENTRYPOINT [\"e\"]\nEXPOSE 80 90/udp\n"
      "VOLUME /v\nSTOPSIGNAL SIGINT\nONBUILD RUN later\nHEALTHCHECK --retries=2 CMD ok\n",
      {}, WithBases());
  const oci::RunConfig& config = lowered.config.config;
  EXPECT_THAT(config.env, ElementsAre("PATH=/bin", "A=own", "B=base"));
  EXPECT_THAT(config.labels, ElementsAre(Pair("from", "base"), Pair("l", "1")));
  EXPECT_THAT(*config.entrypoint, ElementsAre("e"));
  EXPECT_FALSE(config.cmd.has_value());  // it was meant for another entrypoint
  EXPECT_THAT(config.exposed_ports, ElementsAre("80/tcp", "90/udp"));
  EXPECT_THAT(config.volumes, ElementsAre("/v"));
  EXPECT_EQ(config.stop_signal, "SIGINT");
  EXPECT_THAT(config.on_build, ElementsAre("RUN later"));
  EXPECT_THAT(config.healthcheck->test, ElementsAre("CMD-SHELL", "ok"));
  EXPECT_EQ(config.healthcheck->retries, 2);
  EXPECT_EQ(lowered.base_layers, 0);  // the image of the test has none
}

TEST(Config, LabelsOfTheRequestComeLast) {
  LowerOptions options;
  options.labels = {{"a", "request"}};
  EXPECT_THAT(LoweredOf("FROM scratch\nLABEL a=file b=file\n", options).config.config.labels,
              ElementsAre(Pair("a", "request"), Pair("b", "file")));
}

TEST(Config, TriggersOfTheBaseAreDoneAndGone) {
  oci::ImageConfig config;
  config.config.on_build = {"RUN first", "ENV set=1"};
  Images images;
  images.Add("base", config);
  const Lowered lowered = LoweredOf("FROM base\nRUN second $set\n", {}, images);
  EXPECT_THAT(GraphOf(lowered),
              ElementsAre("0() is there", "1(0) run /bin/sh -c first", "2(1) run /bin/sh -c second $set"));
  EXPECT_THAT(NamesOf(lowered),
              ElementsAre("docker.io/library/base:latest", "[2/3] RUN first", "[3/3] RUN second $set"));
  EXPECT_THAT(lowered.config.config.on_build, IsEmpty());
}

TEST(History, HasEveryInstructionAndTellsWhichMadeALayer) {
  EXPECT_THAT(HistoryOf("FROM base\nENV a=1\nRUN x\nCOPY --chown=1 a b /\nWORKDIR /w\nADD c /\nCMD [\"y\"]\n"),
              ElementsAre("made", "-ENV a=1", "RUN /bin/sh -c x # buildkit", "COPY --chown=1 a b / # buildkit",
                          "WORKDIR /w", "ADD c / # buildkit", "-CMD [\"y\"]"));
}

TEST(History, HidesTheValuesOfSecretArguments) {
  LowerOptions options;
  options.build_args = {{"TOKEN", "t0p"}};
  options.secret_args = {"TOKEN"};
  const Lowered lowered = LoweredOf("FROM scratch\nARG TOKEN\nRUN x\n", options);
  ASSERT_THAT(lowered.config.history, SizeIs(2));
  EXPECT_EQ(lowered.config.history[0].created_by, "ARG TOKEN=***");
  EXPECT_EQ(lowered.config.history[1].created_by, "RUN |1 TOKEN=*** /bin/sh -c x # buildkit");
}

}  // namespace
}  // namespace slipway::dockerfile
