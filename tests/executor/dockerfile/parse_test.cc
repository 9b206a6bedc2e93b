#include "executor/dockerfile/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "executor/dockerfile/expand.h"

namespace slipway::dockerfile {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

Dockerfile Parsed(std::string_view text) {
  auto parsed = Parse(text, "Dockerfile");
  EXPECT_TRUE(parsed.ok()) << parsed.status().message();
  return std::move(parsed).ValueOr({});
}

// The first instruction after a FROM.
template <typename T>
T Only(const std::string& instruction) {
  Dockerfile dockerfile = Parsed("FROM a\n" + instruction);
  if (dockerfile.stages.empty() || dockerfile.stages[0].instructions.empty()) return {};
  T* const typed = std::get_if<T>(&dockerfile.stages[0].instructions[0]);
  EXPECT_NE(typed, nullptr) << instruction;
  return typed == nullptr ? T() : *typed;
}

WordExpander Expander() {
  static const std::map<std::string, std::string, std::less<>> variables = {
      {"A", "va"}, {"B", "v b"}, {"PORTS", "80 81/udp"}, {"Q", "'q'"}};
  return WordExpander(U'\\', [](std::string_view name) -> std::optional<std::string_view> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  });
}

template <typename T>
T OnlyExpanded(const std::string& text) {
  Instruction instruction = Only<T>(text);
  const Status status = Expand(instruction, Expander());
  EXPECT_TRUE(status.ok()) << status.message();
  return std::get<T>(instruction);
}

TEST(Stages, BeginWithFromAndKeepTheirInstructions) {
  const Dockerfile file = Parsed("ARG V=1\nARG W\nFROM --platform=$P a:$V AS Base_1.x\nRUN x\nfrom base_1.x\n");
  ASSERT_EQ(file.meta_args.size(), 2U);
  EXPECT_EQ(file.meta_args[0].args[0].value, "1");
  EXPECT_EQ(file.meta_args[1].args[0].value, std::nullopt);
  ASSERT_EQ(file.stages.size(), 2U);
  const Stage& first = file.stages[0];
  EXPECT_EQ(first.name, "base_1.x");
  EXPECT_EQ(first.name_as_written, "Base_1.x");
  EXPECT_EQ(first.as_keyword, "AS");
  EXPECT_EQ(first.base, "a:$V");
  EXPECT_EQ(first.platform, "$P");
  EXPECT_EQ(first.range.start_line, 3);
  EXPECT_EQ(first.instructions.size(), 1U);
  EXPECT_EQ(file.stages[1].keyword, "from");
  EXPECT_EQ(file.stages[1].name, "");
}

TEST(Stages, MayBeMissingWhereThereAreOnlyArgs) { EXPECT_THAT(Parsed("ARG A").stages, IsEmpty()); }

TEST(Positions, CoverTheWholeInstruction) {
  const Dockerfile file = Parsed("FROM a\n\n  RUN x \\\n# c\n  y\nCOPY <<E /z\nbody\nE\n");
  const auto& instructions = file.stages[0].instructions;
  EXPECT_EQ(BaseOf(instructions[0]).range, (SourceRange{3, 3, 5, 3}));
  EXPECT_EQ(BaseOf(instructions[0]).original, "RUN x   y");
  EXPECT_EQ(BaseOf(instructions[1]).range, (SourceRange{6, 1, 8, 1}));
}

TEST(Positions, ErrorsShowTheLine) {
  const Dockerfile file = Parsed("FROM a\nRUN x");
  const Status status = file.source->At({.start_line = 2}, NotFound("no x"));
  EXPECT_EQ(status.code(), Code::kNotFound);
  EXPECT_EQ(status.message(), "Dockerfile:2:1: no x\n    2 | RUN x\n      | ^");
  EXPECT_EQ(file.source->At({}, NotFound("no x")).message(), "no x");
  EXPECT_TRUE(file.source->At({.start_line = 2}, Status()).ok());
}

TEST(Positions, ErrorsPointAtTheWord) {
  const SourceText source("f", "FROM a\nCOPY --chown=x xy \\\n\tx\u00e9y x /d\n" + std::string(300, ' ') + "far\n");
  const auto at = [&](std::string_view fault, int end_line = 3) {
    return source.At({2, 1, end_line, 1}, NotFound("e"), fault).message();
  };
  EXPECT_EQ(at("xy"), "f:2:16: e\n    2 | COPY --chown=x xy \\\n      |                ^");
  EXPECT_EQ(at("--chown='x'"), "f:2:6: e\n    2 | COPY --chown=x xy \\\n      |      ^");
  EXPECT_EQ(at("/d"), "f:3:9: e\n    3 |  x\u00e9y x /d\n      |        ^");  // columns count bytes
  EXPECT_EQ(at("missing"), "f:2:1: e\n    2 | COPY --chown=x xy \\\n      | ^");
  const std::string far = at("far", 4);
  EXPECT_THAT(far, StartsWith("f:4:301: e\n    4 | …  "));
  EXPECT_EQ(far.size() - far.rfind('\n'), std::string("\n      | ").size() + 42);  // "…", 40 blanks, the mark
}

TEST(Run, ShellAndJsonForm) {
  const auto shell = Only<RunInstruction>("RUN echo  \"a\" # b");
  EXPECT_FALSE(shell.command.json_form);
  EXPECT_THAT(shell.command.args, ElementsAre("echo  \"a\" # b"));
  const auto json = Only<RunInstruction>("RUN [\"a\", \"$A\"]");
  EXPECT_TRUE(json.command.json_form);
  EXPECT_THAT(json.command.args, ElementsAre("a", "$A"));
  EXPECT_THAT(Only<RunInstruction>("RUN").command.args, IsEmpty());
}

TEST(Run, Flags) {
  const auto run = OnlyExpanded<RunInstruction>(
      "RUN --mount=type=cache,target=/$A --mount=from=s,target=/x --network=host --security=insecure --device=d c");
  ASSERT_EQ(run.mounts.size(), 2U);
  EXPECT_EQ(run.mounts[0].target, "/va");
  EXPECT_EQ(run.mounts[1].from, "s");
  EXPECT_EQ(run.network, NetworkMode::kHost);
  EXPECT_EQ(run.security, SecurityMode::kInsecure);
  EXPECT_EQ(run.devices[0].name, "d");
}

TEST(Run, StagesOfMountsAreKnownBeforeExpansion) {
  EXPECT_EQ(Only<RunInstruction>("RUN --mount=from=s,target=$U x").mounts[0].from, "s");
}

TEST(Run, BadMountIsFoundWhenExpanded) {
  Instruction instruction = Only<RunInstruction>("RUN --mount=type=nope x");
  EXPECT_THAT(Expand(instruction, Expander()).message(), HasSubstr("unsupported mount type 'nope'"));
}

RunScript Script(const std::string& text) { return ScriptOf(Only<RunInstruction>(text).command).ValueOr({}); }

TEST(RunScript, PlainTextIsTheScript) { EXPECT_EQ(Script("RUN a && b").command, "a && b"); }

TEST(RunScript, LoneHeredocIsTheScript) {
  EXPECT_EQ(Script("RUN <<-E\n\ta\n\t\tb $X\n\tE").command, "a\nb $X\n");
  EXPECT_FALSE(Script("RUN <<-E\n\ta\n\tE").file.has_value());
}

TEST(RunScript, HashBangMakesAFile) {
  const RunScript script = Script("RUN <<E.py\n#!/usr/bin/python3\nx\nE.py");
  EXPECT_EQ(script.command, "/dev/pipes/E.py");
  ASSERT_TRUE(script.file.has_value());
  EXPECT_EQ(script.file->name, "E.py");
  EXPECT_EQ(script.file->content, "#!/usr/bin/python3\nx\n");
}

TEST(RunScript, WithACommandTheShellReadsTheHeredocs) {
  EXPECT_EQ(Script("RUN cat <<A - <<-B\n1\nA\n\t2\n\tB").command, "cat <<A - <<-B\n1\nA\n\t2\nB");
}

TEST(Copy, FlagsAndSources) {
  const auto copy = Only<CopyInstruction>(
      "COPY --from=s --chown=u --chmod=755 --link --parents --exclude=*.a --exclude=b x 'y z' /d/");
  EXPECT_EQ(copy.from, "s");
  EXPECT_EQ(copy.chown, "u");
  EXPECT_EQ(copy.chmod, "755");
  EXPECT_TRUE(copy.link);
  EXPECT_TRUE(copy.parents);
  EXPECT_THAT(copy.excludes, ElementsAre("*.a", "b"));
  EXPECT_THAT(copy.sources.paths, ElementsAre("x", "'y", "z'"));
  EXPECT_EQ(copy.sources.destination, "/d/");
}

TEST(Copy, HeredocsAreFiles) {
  const auto copy = Only<CopyInstruction>("COPY <<-a f <<'b' /d/\n\tx\na\n\ty\nb");
  EXPECT_THAT(copy.sources.paths, ElementsAre("f"));
  ASSERT_EQ(copy.sources.files.size(), 2U);
  EXPECT_EQ(copy.sources.files[0].content, "x\n");
  EXPECT_TRUE(copy.sources.files[0].expand);
  EXPECT_EQ(copy.sources.files[1].content, "\ty\n");
  EXPECT_FALSE(copy.sources.files[1].expand);
}

TEST(Copy, ExpandsPathsOwnersAndBodiesOnly) {
  const auto copy = OnlyExpanded<CopyInstruction>(
      "COPY --chown=$A --chmod=$A --exclude=$A $A <<e <<'f' $B/x\n$A \"$Q\" \\$A\ne\n$A\nf");
  EXPECT_EQ(copy.chown, "va");
  EXPECT_EQ(copy.chmod, "va");
  EXPECT_THAT(copy.excludes, ElementsAre("$A"));
  EXPECT_THAT(copy.sources.paths, ElementsAre("va"));
  EXPECT_EQ(copy.sources.destination, "v b/x");
  EXPECT_EQ(copy.sources.files[0].content, "va \"'q'\" $A\n");
  EXPECT_EQ(copy.sources.files[1].content, "$A\n");
}

TEST(Add, Flags) {
  const auto add = OnlyExpanded<AddInstruction>("ADD --checksum=sha256:$A --keep-git-dir=false --unpack a b");
  EXPECT_EQ(add.checksum, "sha256:va");
  EXPECT_EQ(add.keep_git_dir, false);
  EXPECT_EQ(add.unpack, true);
  EXPECT_EQ(Only<AddInstruction>("ADD a b").unpack, std::nullopt);
}

TEST(Env, ExpandsNamesAndValues) {
  const auto env = OnlyExpanded<EnvInstruction>("ENV x$A=\"$B c\" n='$A' e=");
  EXPECT_EQ(env.pairs[0].key, "xva");
  EXPECT_EQ(env.pairs[0].value, "v b c");
  EXPECT_EQ(env.pairs[1].value, "$A");
  EXPECT_EQ(env.pairs[2].value, "");
  EXPECT_FALSE(env.pairs[0].legacy_form);
  EXPECT_TRUE(Only<EnvInstruction>("ENV a b c").pairs[0].legacy_form);
}

TEST(Expansion, OtherInstructions) {
  EXPECT_EQ(OnlyExpanded<WorkdirInstruction>("WORKDIR /$A").path, "/va");
  EXPECT_EQ(OnlyExpanded<UserInstruction>("USER $A:g").user, "va:g");
  EXPECT_EQ(OnlyExpanded<StopsignalInstruction>("STOPSIGNAL $A").signal, "va");
  EXPECT_THAT(OnlyExpanded<VolumeInstruction>("VOLUME [\"/$A\", \" /b \"]").paths, ElementsAre("/va", "/b"));
  EXPECT_THAT(OnlyExpanded<ExposeInstruction>("EXPOSE 9 $PORTS $A").ports, ElementsAre("va", "80", "81/udp", "9"));
  EXPECT_EQ(OnlyExpanded<LabelInstruction>("LABEL $A=$A").pairs[0].key, "va");
  EXPECT_EQ(OnlyExpanded<ArgInstruction>("ARG X=$A").args[0].value, "$A");
  EXPECT_THAT(OnlyExpanded<CmdInstruction>("CMD $A").command.args, ElementsAre("$A"));
}

TEST(Expansion, ErrorNamesTheWord) {
  Instruction instruction = Only<WorkdirInstruction>("WORKDIR ${A");
  EXPECT_THAT(Expand(instruction, Expander()).message(), StartsWith("expand '${A': missing '}'"));
}

TEST(Healthcheck, AllOptions) {
  const auto health = Only<HealthcheckInstruction>(
      "HEALTHCHECK --interval=1m --timeout=2s --start-period=3ms --start-interval=0s --retries=4 CMD a  b");
  EXPECT_THAT(health.test, ElementsAre("CMD-SHELL", "a  b"));
  EXPECT_EQ(health.interval, std::chrono::minutes(1));
  EXPECT_EQ(health.timeout, std::chrono::seconds(2));
  EXPECT_EQ(health.start_period, std::chrono::milliseconds(3));
  EXPECT_EQ(health.start_interval.count(), 0);
  EXPECT_EQ(health.retries, 4);
  EXPECT_THAT(Only<HealthcheckInstruction>("HEALTHCHECK cmd [\"a\", \"b\"]").test, ElementsAre("CMD", "a", "b"));
  EXPECT_THAT(Only<HealthcheckInstruction>("HEALTHCHECK --whatever none").test, ElementsAre("NONE"));
}

TEST(Onbuild, KeepsTheTextAsWritten) {
  EXPECT_EQ(Only<OnbuildInstruction>("onbuild   run  x  ").expression, "run  x  ");
  EXPECT_EQ(Only<OnbuildInstruction>("ONBUILD COPY <<-E /x\n\ta\n\tE").expression, "COPY <<-E /x\n\ta\nE");
}

TEST(Onbuild, TriggerIsParsedWithThePositionOfTheFrom) {
  const auto trigger = ParseOnbuild("COPY <<E /x\na\nE", {.start_line = 7});
  ASSERT_TRUE(trigger.ok());
  EXPECT_EQ(BaseOf(*trigger).range.start_line, 7);
  EXPECT_EQ(std::get<CopyInstruction>(*trigger).sources.files[0].content, "a\n");
}

TEST(Onbuild, BadTriggersAreRefused) {
  for (const char* text : {"", "FROM x", "RUN a\nRUN b", "NOPE x", "COPY --from=$X a b", "RUN <<E"}) {
    EXPECT_EQ(ParseOnbuild(text).code(), Code::kInvalidArgument) << text;
  }
  EXPECT_THAT(ParseOnbuild("RUNN x").status().message(), HasSubstr("unknown instruction 'RUNN'; did you mean 'RUN'?"));
}

TEST(Limits, FileSizeAndCountAreBounded) {
  EXPECT_EQ(Parse(std::string(17 << 20, '\n'), "Dockerfile").code(), Code::kInvalidArgument);
  std::string many = "FROM a\n";
  for (int i = 0; i < 100001; ++i) many += "RUN\n";
  EXPECT_THAT(Parse(many, "Dockerfile").status().message(), HasSubstr("more than 100000 instructions"));
}

TEST(Limits, HeredocsOfOneName) {
  std::string words, ends;
  for (int i = 0; i < 1000; ++i) {
    words += " \\\n<<a";
    ends += "a\n";
  }
  std::string body;
  for (int i = 0; i < 100; ++i) body += std::string(1000, 'x') + "\n";
  const std::string text = "FROM a\nCOPY" + words + " /d\n" + ends.substr(2) + body + "a\n";
  EXPECT_THAT(Parse(text, "Dockerfile").status().message(), HasSubstr("the heredocs of COPY hold more than"));
}

TEST(Limits, MessagesAreCut) {
  std::string keyword = "X";
  for (int i = 0; i < 1000; ++i) keyword += "yyyyyyyyyyyyyyyyyyyyyyyyyyyyy\\\n";
  const auto parsed = Parse("FROM a\n" + keyword, "Dockerfile");
  EXPECT_THAT(parsed.status().message(), StartsWith("Dockerfile:2:1: unknown instruction 'Xyyy"));
  EXPECT_LT(parsed.status().message().size(), 13'000U);
}

TEST(Limits, LongestLine) {
  const std::string label(65535 - 8, 'a');
  EXPECT_TRUE(Parse("FROM a\nLABEL x=" + label + "\n", "Dockerfile").ok());
  EXPECT_FALSE(Parse("FROM a\nLABEL x=" + label + "a", "Dockerfile").ok());
}

}  // namespace
}  // namespace slipway::dockerfile
