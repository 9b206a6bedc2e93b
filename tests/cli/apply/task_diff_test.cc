#include "cli/apply/task_diff.h"

#include <gtest/gtest.h>

#include "tests/cli/proto_text.h"

namespace slipway::cli {
namespace {

std::string Diff(const std::string& was, const std::string& is) {
  return TaskDiff(ParseProto<v1::Task>(was), ParseProto<v1::Task>(is));
}

TEST(TaskDiff, EqualTasksDoNotDiffer) {
  const std::string task = "name: 'a' docker_build { image_names: 'x' }";
  EXPECT_EQ(Diff(task, task), "");
  EXPECT_EQ(Diff(task + " etag: '1' create_time { seconds: 1 }", task + " etag: '2'"), "") << "the server sets these";
}

TEST(TaskDiff, FactsAreNamedByTheirPath) {
  EXPECT_EQ(Diff("name: 'a' docker_build { source_location: 's' image_names: 'x' image_names: 'y' target: 't' }",
                 "name: 'a' docker_build { source_location: 's' image_names: 'z' image_names: 'y' no_cache: true }"),
            "  - step.imageNames[0]: x\n"
            "  + step.imageNames[0]: z\n"
            "  - step.target: t\n"
            "  - step.noCache: false\n"
            "  + step.noCache: true\n");
}

TEST(TaskDiff, ItemsOfListsAreNamedByTheirNames) {
  EXPECT_EQ(
      Diff("docker_build {} timer_triggers { name: 'a' schedule: '1' } timer_triggers { name: 'b' schedule: '2' }",
           "docker_build {} timer_triggers { name: 'b' schedule: '3' }"),
      "  - trigger.timerTriggers[a].name: a\n"
      "  - trigger.timerTriggers[a].schedule: 1\n"
      "  - trigger.timerTriggers[a].status: Enabled\n"
      "  - trigger.timerTriggers[b].schedule: 2\n"
      "  + trigger.timerTriggers[b].schedule: 3\n");
}

TEST(TaskDiff, TextsAreComparedByLines) {
  EXPECT_EQ(Diff("encoded_task { task_content: 'a\\nb\\nc\\n' }", "encoded_task { task_content: 'a\\nx\\nc\\nd\\n' }"),
            "    step.taskContent:\n"
            "  -   b\n"
            "  +   x\n"
            "  +   d\n");
}

TEST(TaskDiff, TextsHaveNoPowerOverTheTerminal) {
  EXPECT_EQ(Diff("docker_build {}", "docker_build { target: 'a\\033[2Jb' }"), "  + step.target: ab\n");
}

}  // namespace
}  // namespace slipway::cli
