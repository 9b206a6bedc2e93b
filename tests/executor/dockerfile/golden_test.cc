// Golden files: testdata/good/X.Dockerfile is parsed and dumped to X.txt, testdata/bad/X.Dockerfile is refused with the
// message in X.txt. SLIPWAY_UPDATE_GOLDEN=1 writes the .txt files; look at the difference before it is committed.
#include <gtest/gtest.h>

#include <cstdlib>

#include "executor/base/fs.h"
#include "executor/dockerfile/go_text.h"
#include "executor/dockerfile/parse.h"
#include "executor/dockerfile/tree.h"

namespace slipway::dockerfile {
namespace {

const std::string kData = SLIPWAY_TESTDATA;

std::vector<std::string> Names(const std::string& folder) {
  std::vector<std::string> names;
  const auto files = fs::ListDir(kData + "/" + folder);
  for (const std::string& file : files.ok() ? *files : std::vector<std::string>()) {
    if (const size_t dot = file.find(".Dockerfile"); dot != std::string::npos) names.push_back(file.substr(0, dot));
  }
  return names;
}

std::string Read(const std::string& path) { return fs::ReadFile(path).ValueOr("<no such file>"); }

void ExpectGolden(const std::string& path, const std::string& text) {
  if (std::getenv("SLIPWAY_UPDATE_GOLDEN") != nullptr) {
    ASSERT_TRUE(fs::WriteFileAtomic(path, text).ok());
  }
  EXPECT_EQ(Read(path), text);
}

std::string DumpTree(const Tree& tree) {
  std::string out;
  const Directives& directives = tree.directives;
  if (directives.escape != U'\\') out += "escape `\n";
  if (directives.syntax.has_value()) out += "syntax " + *directives.syntax + "\n";
  if (directives.check.has_value()) out += fmt::format("{}: check {}\n", directives.check_line, *directives.check);
  for (const Node& node : tree.nodes) {
    for (const std::string& comment : node.comments) out += "# " + comment + "\n";
    const SourceRange& at = node.range;
    out += fmt::format("{}:{}-{}:{} ({}){}\n", at.start_line, at.start_column, at.end_line, at.end_column, Dump(node),
                       node.json_form ? " json" : "");
    for (const Heredoc& heredoc : node.heredocs) {
      out += fmt::format("    <<{}{}{} fd {}: {}\n", heredoc.strip_tabs ? "-" : "", heredoc.name,
                         heredoc.expand ? "" : " as it is,", heredoc.file_descriptor, Quote(heredoc.content));
    }
  }
  for (const int line : tree.empty_continuation_lines) out += fmt::format("{}: empty continuation line\n", line);
  return out;
}

class Good : public ::testing::TestWithParam<std::string> {};

TEST_P(Good, GivesTheTree) {
  const std::string path = kData + "/good/" + GetParam();
  const SourceText source("Dockerfile", Read(path + ".Dockerfile"));
  Tree tree;
  const Status status = ParseTree(source, &tree);
  ASSERT_TRUE(status.ok()) << status.message();
  ExpectGolden(path + ".txt", DumpTree(tree));
}

INSTANTIATE_TEST_SUITE_P(Golden, Good, ::testing::ValuesIn(Names("good")), [](const auto& test) { return test.param; });

class Bad : public ::testing::TestWithParam<std::string> {};

TEST_P(Bad, IsRefusedWithTheMessage) {
  const std::string path = kData + "/bad/" + GetParam();
  const auto parsed = Parse(Read(path + ".Dockerfile"), "Dockerfile");
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.code(), Code::kInvalidArgument);
  ExpectGolden(path + ".txt", parsed.status().message() + "\n");
}

INSTANTIATE_TEST_SUITE_P(Golden, Bad, ::testing::ValuesIn(Names("bad")), [](const auto& test) { return test.param; });

}  // namespace
}  // namespace slipway::dockerfile
