// Random damage to real texts: nothing may crash or hang, and what fails must say so as bad input.
#include <gtest/gtest.h>

#include <random>

#include "executor/base/fs.h"
#include "executor/base/pattern_matcher.h"
#include "executor/dockerfile/expand.h"
#include "executor/dockerfile/parse.h"

namespace slipway::dockerfile {
namespace {

using Random = std::mt19937;

size_t Below(Random& random, size_t limit) { return std::uniform_int_distribution<size_t>(0, limit - 1)(random); }

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  const std::string folder = std::string(SLIPWAY_TESTDATA) + "/good";
  const auto files = fs::ListDir(folder);
  for (const std::string& file : *files) {
    if (file.ends_with(".Dockerfile")) seeds.push_back(*fs::ReadFile(folder + "/" + file));
  }
  return seeds;
}

// A few cuts, copies and insertions of what the languages care about.
std::string Damaged(std::string text, Random& random) {
  static const std::vector<std::string> kPieces = {
      "\\",          "\\\n",  "`",     "\"",           "'",        "$",        "${",
      "}",           "${a:-", "${a//", "<<",           "<<-E\n",   "\nE\n",    "[",
      "]",           "\"a",   ",",     "--",           "--mount=", "#",        "\n",
      "\r\n",        "\t",    "\xff",  "\xef\xbb\xbf", "=",        "ONBUILD ", "*",
      "?",           "\0",    "FROM ", "# escape=`\n", "RUN ",     "COPY ",    "ENV ",
      "HEALTHCHECK "};
  for (size_t count = 1 + Below(random, 6); count > 0; --count) {
    const size_t at = Below(random, text.size() + 1);
    const size_t length = std::min(text.size() - at, Below(random, 20));
    switch (Below(random, 4)) {
      case 0: text.erase(at, length); break;
      case 1: text.insert(Below(random, text.size() + 1), text.substr(at, length)); break;
      case 2: text.insert(at, kPieces[Below(random, kPieces.size())]); break;
      default:
        if (at < text.size()) text[at] = static_cast<char>(Below(random, 256));
    }
  }
  return text;
}

void ParseAndExpand(const std::string& text) {
  auto parsed = Parse(text, "Dockerfile");
  if (!parsed.ok()) {
    EXPECT_EQ(parsed.code(), Code::kInvalidArgument) << text;
    return;
  }
  const WordExpander expander(parsed->escape(), [](std::string_view name) -> std::optional<std::string_view> {
    if (name.size() % 2 == 0) return std::nullopt;
    return "some $value of 'it'/*?\\";
  });
  for (Stage& stage : parsed->stages) {
    for (Instruction& instruction : stage.instructions) {
      EXPECT_TRUE(BaseOf(instruction).range.known());
      EXPECT_GE(parsed->source->line_count(), BaseOf(instruction).range.end_line);
      if (const auto* onbuild = std::get_if<OnbuildInstruction>(&instruction); onbuild != nullptr) {
        ParseOnbuild(onbuild->expression).status().Ignore();
      }
      if (const auto* run = std::get_if<RunInstruction>(&instruction); run != nullptr && !run->command.json_form) {
        EXPECT_TRUE(ScriptOf(run->command).ok());
      }
      const Status status = Expand(instruction, expander);
      EXPECT_TRUE(status.ok() || status.code() == Code::kInvalidArgument) << status.ToString();
    }
  }
}

TEST(Fuzz, DamagedDockerfilesAreParsedOrRefused) {
  Random random(1);
  const std::vector<std::string> seeds = Seeds();
  ASSERT_FALSE(seeds.empty());
  for (int round = 0; round < 4000; ++round) ParseAndExpand(Damaged(seeds[Below(random, seeds.size())], random));
}

TEST(Fuzz, RandomBytesAreParsedOrRefused) {
  Random random(2);
  for (int round = 0; round < 2000; ++round) {
    std::string text = round % 2 == 0 ? "FROM a\nRUN " : "";
    for (size_t size = Below(random, 200); size > 0; --size) text += static_cast<char>(Below(random, 256));
    ParseAndExpand(text);
  }
}

TEST(Fuzz, DamagedIgnoreFilesAreReadOrRefused) {
  Random random(3);
  for (int round = 0; round < 4000; ++round) {
    const auto patterns = ParseIgnoreFile(Damaged("# c\n**/a*\n!b/[c-e]?\n\\*x\\d\n/f/../g/**/h\n", random));
    ASSERT_TRUE(patterns.ok());
    const auto matcher = PatternMatcher::Make(*patterns);
    if (!matcher.ok()) continue;
    PatternMatcher::Folder folder;
    const bool matched = matcher->Matches("b", {}, &folder);
    const bool skipped = matched && matcher->CanSkip("b", folder);
    EXPECT_TRUE(!skipped || matcher->Matches("b/c1", folder, nullptr)) << ::testing::PrintToString(*patterns);
  }
}

}  // namespace
}  // namespace slipway::dockerfile
