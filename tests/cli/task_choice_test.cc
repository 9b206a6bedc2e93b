#include "cli/task_choice.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "executor/base/fs.h"

namespace slipway::cli {
namespace {

class TaskChoiceTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(fs::WriteFileAtomic(fs::Join(dir_.path(), name), text).ok());
  }
  SourceLocation Folder() const { return {.kind = SourceKind::kFolder, .text = dir_.path()}; }
  fs::TempDir dir_ = *fs::TempDir::Make();
};

TEST_F(TaskChoiceTest, AFileOfTheSourceIsReadThere) {
  Write("acb.yaml", "steps: []\n");
  const Result<TaskChoice> choice = ChooseTask(Folder(), "", STDIN_FILENO);
  ASSERT_TRUE(choice.ok()) << choice.status().message();
  EXPECT_EQ(choice->name, "acb.yaml");
  EXPECT_FALSE(choice->content);
  EXPECT_EQ(ChooseTask(Folder(), "./acb.yaml", STDIN_FILENO)->name, "acb.yaml");
}

TEST_F(TaskChoiceTest, AnotherFileIsSentAlong) {
  Write("other.yaml", "steps: []\n");
  const std::string path = fs::Join(dir_.path(), "other.yaml");
  const Result<TaskChoice> choice = ChooseTask({.kind = SourceKind::kNone}, path, STDIN_FILENO);
  ASSERT_TRUE(choice.ok()) << choice.status().message();
  EXPECT_EQ(choice->name, "other.yaml");
  EXPECT_EQ(choice->content, "steps: []\nversion: v1.1.0\n");
}

TEST_F(TaskChoiceTest, WhatIsNotThereIsSaid) {
  EXPECT_EQ(
      ChooseTask(Folder(), "no.yaml", STDIN_FILENO).status().message(),
      "the task file 'no.yaml' is neither in '" + dir_.path() + "' nor in the current folder; name another with -f");
  EXPECT_EQ(ChooseTask({.kind = SourceKind::kNone}, "no.yaml", STDIN_FILENO).code(), Code::kNotFound);
}

TEST_F(TaskChoiceTest, OfARemoteSourceTheDaemonLooks) {
  const SourceLocation remote{.kind = SourceKind::kRemote, .text = "https://x.io/y.git"};
  EXPECT_EQ(ChooseTask(remote, "ci/task.yaml", STDIN_FILENO)->name, "ci/task.yaml");
  EXPECT_FALSE(ChooseTask(remote, "", STDIN_FILENO)->content);
}

TEST(TaskText, ACommandIsATaskOfOneStep) {
  EXPECT_EQ(
      TaskOfCommand("bash -c 'echo \"a\\b\"'", 7),
      "version: v1.1.0\nsteps:\n  - cmd: \"bash -c 'echo \\\"a\\\\b\\\"'\"\n    disableWorkingDirectoryOverride: true\n"
      "    timeout: 7\n");
}

TEST(TaskText, AVersionIsAddedWhereThereIsNone) {
  EXPECT_EQ(WithVersion("steps: []"), "steps: []\nversion: v1.1.0\n");
  EXPECT_EQ(WithVersion("version: v1.0.0\n"), "version: v1.0.0\n");
  EXPECT_EQ(WithVersion("steps: []\n---\n"), "steps: []\n---\n");
  EXPECT_EQ(WithVersion(""), "version: v1.1.0\n");
}

}  // namespace
}  // namespace slipway::cli
