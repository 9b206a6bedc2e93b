#include "executor/builder/ignore.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace slipway::builder {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Result<IgnoreFile> ReadFrom(const std::map<std::string, std::string>& files, const std::string& dockerfile) {
  return IgnoreFile::Read(dockerfile, [&files](const std::string& path) -> Result<std::string> {
    const auto it = files.find(path);
    if (it == files.end()) return NotFound("no '{}'", path);
    return it->second;
  });
}

std::vector<std::string> Left(const std::vector<std::string>& paths, const std::vector<std::string>& patterns) {
  std::vector<tree::Entry> entries;
  for (const std::string& path : paths) {
    tree::Entry& entry = entries.emplace_back();
    entry.path = path.substr(0, path.find_last_not_of('/') + 1);
    if (path.ends_with('/')) entry.type = tree::Type::kDirectory;
  }
  std::vector<std::string> out;
  const tree::Tree left = WithoutIgnored(tree::Tree(std::move(entries)), *PatternMatcher::Make(patterns));
  for (const tree::Entry& entry : left.entries()) out.push_back(entry.path + (entry.is_dir() ? "/" : ""));
  return out;
}

TEST(Ignore, TheDockerfilesOwnFileComesFirst) {
  const std::map<std::string, std::string> files = {{".dockerignore", "general"},
                                                    {"a.Dockerfile.dockerignore", "special"}};
  EXPECT_THAT(ReadFrom(files, "a.Dockerfile")->patterns(), ElementsAre("special"));
  EXPECT_THAT(ReadFrom(files, "Dockerfile")->patterns(), ElementsAre("general"));
  EXPECT_THAT(ReadFrom({}, "Dockerfile")->patterns(), IsEmpty());
}

TEST(Ignore, WhatIsWrongIsToldWithFileAndLine) {
  const auto read = ReadFrom({{".dockerignore", "a\n[b\n"}}, "Dockerfile");
  EXPECT_EQ(read.code(), Code::kInvalidArgument);
  EXPECT_EQ(read.status().message().substr(0, 23), ".dockerignore: line 2: ");
}

TEST(Ignore, ThePatternThatLeavesAPathOutIsNamedWithItsLine) {
  const auto ignore = ReadFrom({{".dockerignore", "# logs\n*.log\n\n!keep.log\nbuild\n"}}, "Dockerfile");
  EXPECT_EQ(ignore->WhyMissing("a.log"), "is left out by line 2 of '.dockerignore' ('*.log')");
  EXPECT_EQ(ignore->WhyMissing("build/out/a"), "is left out by line 5 of '.dockerignore' ('build')");
  EXPECT_EQ(ignore->WhyMissing("keep.log"), "");
  EXPECT_EQ(ignore->WhyMissing("a.txt"), "");
  EXPECT_EQ(IgnoreFile().WhyMissing("a.log"), "");
}

TEST(Ignore, AFolderStaysForWhatIsBroughtBack) {
  EXPECT_THAT(Left({"d/", "d/a", "d/b", "e/", "e/a", "f"}, {"d", "e", "!d/b"}), ElementsAre("d/", "d/b", "f"));
}

}  // namespace
}  // namespace slipway::builder
