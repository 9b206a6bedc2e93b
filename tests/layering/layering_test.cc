// Arrows point down only. Reads every #include of the source and fails on one that points up: from a part of the
// program to one that it may not know, or from a folder to one that stands after it in the CMakeLists.txt of their
// part. It also finds loops over what is guarded that only seem to hold the lock.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>
#include <set>

#include "executor/base/fs.h"

namespace slipway {
namespace {

using ::testing::IsEmpty;

const std::string kRoot = SLIPWAY_SOURCE_DIR;

struct Include {
  std::string file;    // "executor/content/store.cc"
  std::string target;  // "executor/base/fs.h", or a system header
};

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string Text(const std::string& path) {
  auto text = fs::ReadFile(fs::Join(kRoot, path));
  EXPECT_TRUE(text.ok()) << text.status().message();
  return text.ok() ? *text : "";
}

// "executor/content" for "executor/content/store.h"; "daemon" for "daemon/main.cc".
std::string FolderOf(std::string_view path) {
  const auto parts = Split(path, '/');
  return parts.size() > 2 ? fmt::format("{}/{}", parts[0], parts[1]) : std::string(parts[0]);
}

std::string PartOf(std::string_view path) { return std::string(Split(path, '/')[0]); }

std::vector<Include> IncludesOf(const std::string& file) {
  std::vector<Include> includes;
  const std::string text = Text(file);
  for (const std::string_view line : Split(text, '\n')) {
    if (!line.starts_with("#include")) continue;
    const size_t open = line.find_first_of("\"<");
    const size_t close = line.find_last_of("\">");
    if (open == std::string_view::npos || close <= open) continue;
    includes.push_back({file, std::string(line.substr(open + 1, close - open - 1))});
  }
  return includes;
}

std::vector<std::string> FilesOf(const std::string& part) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(fs::Join(kRoot, part))) {
    const std::string extension = entry.path().extension();
    if (!entry.is_regular_file() || (extension != ".h" && extension != ".cc")) continue;
    files.push_back(std::filesystem::relative(entry.path(), kRoot));
  }
  return files;
}

const std::vector<Include>& AllIncludes() {
  static const std::vector<Include> all = [] {
    std::vector<Include> includes;
    for (const char* part : {"executor", "steps", "daemon", "cli"}) {
      for (const std::string& file : FilesOf(part)) {
        for (Include& include : IncludesOf(file)) includes.push_back(std::move(include));
      }
    }
    return includes;
  }();
  return all;
}

// The folders of a part, the lowest first.
std::vector<std::string> FoldersOf(const std::string& part) {
  std::vector<std::string> folders;
  const std::string text = Text(fmt::format("{}/CMakeLists.txt", part));
  constexpr std::string_view kCommand = "add_subdirectory(";
  for (const std::string_view line : Split(text, '\n')) {
    if (line.starts_with(kCommand))
      folders.emplace_back(line.substr(kCommand.size(), line.find(')') - kCommand.size()));
  }
  return folders;
}

std::string Describe(const Include& include) { return fmt::format("{} includes {}", include.file, include.target); }

TEST(Layering, ThereIsSomethingToCheck) { EXPECT_GT(AllIncludes().size(), 100U); }

TEST(Layering, PartsKnowOnlyThePartsBelow) {
  const std::map<std::string, std::set<std::string>> may_use = {
      {"executor", {"executor"}},
      {"steps", {"steps", "executor"}},
      {"daemon", {"daemon", "steps", "executor"}},
      {"cli", {"cli", "executor"}},
  };
  std::vector<std::string> wrong;
  for (const Include& include : AllIncludes()) {
    const std::string to = PartOf(include.target);
    const bool ours = may_use.contains(to) || to == "tests";
    if (ours && !may_use.at(PartOf(include.file)).contains(to)) wrong.push_back(Describe(include));
  }
  EXPECT_THAT(wrong, IsEmpty());
}

TEST(Layering, FoldersKnowOnlyTheFoldersAbove) {
  std::vector<std::string> wrong;
  for (const std::string part : {"executor", "steps", "daemon"}) {
    const std::vector<std::string> folders = FoldersOf(part);
    // What stands in no folder, as main.cc, may know all of them.
    const auto height = [&](std::string_view path) {
      return std::find(folders.begin(), folders.end(), Split(path, '/')[1]) - folders.begin();
    };
    for (const Include& include : AllIncludes()) {
      if (PartOf(include.file) != part || PartOf(include.target) != part) continue;
      if (height(include.target) > height(include.file)) wrong.push_back(Describe(include));
    }
  }
  EXPECT_THAT(wrong, IsEmpty());
}

TEST(Layering, TheCommandLineKnowsOnlyTheGround) {
  std::vector<std::string> wrong;
  for (const Include& include : AllIncludes()) {
    const std::string to = FolderOf(include.target);
    if (PartOf(include.file) == "cli" && PartOf(to) == "executor" && to != "executor/base")
      wrong.push_back(Describe(include));
  }
  EXPECT_THAT(wrong, IsEmpty());
}

TEST(Layering, StepsKnowNoDatabase) {
  std::vector<std::string> wrong;
  for (const Include& include : AllIncludes()) {
    const bool database = FolderOf(include.target) == "executor/db" || include.target == "sqlite3.h";
    if (PartOf(include.file) == "steps" && database) wrong.push_back(Describe(include));
  }
  EXPECT_THAT(wrong, IsEmpty());
}

TEST(Layering, OnlyTheEdgesKnowGrpc) {
  std::vector<std::string> wrong;
  for (const Include& include : AllIncludes()) {
    const std::string from = FolderOf(include.file);
    if (from == "cli" || from.starts_with("cli/") || from == "daemon" || from == "daemon/services" ||
        from == "daemon/http") {
      continue;
    }
    const std::string to = PartOf(include.target);
    if (to == "grpc" || to == "grpcpp" || to == "google" || include.target.ends_with(".pb.h")) {
      wrong.push_back(Describe(include));
    }
  }
  EXPECT_THAT(wrong, IsEmpty());
}

// The Access of `for (x : *guarded.Lock())` is gone before the first turn: in C++20 only what the loop's own reference
// is bound to lives on.
TEST(Locks, NoLoopGoesThroughATemporaryAccess) {
  const std::regex unlocked(R"(\bfor \(.*: ?\*.*Lock\(\)\))");
  EXPECT_TRUE(std::regex_search("for (const Pin& pin : *pins_.Lock()) {", unlocked));
  EXPECT_FALSE(std::regex_search("for (const Pin& pin : all) (*pins_.Lock())[pin] = 1;", unlocked));
  std::vector<std::string> wrong;
  for (const char* part : {"executor", "steps", "daemon", "cli", "tests"}) {
    for (const std::string& file : FilesOf(part)) {
      if (file == "tests/layering/layering_test.cc") continue;
      const std::string text = Text(file);
      for (const std::string_view line : Split(text, '\n')) {
        if (line.find("Lock())") == std::string_view::npos) continue;
        if (std::regex_search(line.begin(), line.end(), unlocked)) wrong.push_back(fmt::format("{}: {}", file, line));
      }
    }
  }
  EXPECT_THAT(wrong, IsEmpty());
}

TEST(Layering, TheMapOfTheExecutorNamesEachFolder) {
  const std::string map = Text("executor/README.md");
  std::vector<std::string> unnamed;
  for (const std::string& folder : FoldersOf("executor")) {
    if (map.find(fmt::format("\n| `{}/` |", folder)) == std::string::npos) unnamed.push_back(folder);
  }
  EXPECT_THAT(unnamed, IsEmpty());
}

}  // namespace
}  // namespace slipway
