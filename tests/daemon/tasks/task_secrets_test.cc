#include "daemon/tasks/task_secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/daemon/tasks/tasks_fixture.h"

namespace slipway::tasks {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class TaskSecretsTest : public TasksFixture {};

TEST_F(TaskSecretsTest, AreReadAsTheyWereSealed) {
  store::Task task = HookedTask();
  EXPECT_THAT(task.sealed, Not(HasSubstr("s3cret")));
  const auto opened = TaskSecrets::Open(task, *sealer_);
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  EXPECT_EQ(opened->Get("trigger:t:secret"), "s3cret");
  EXPECT_EQ(opened->Get("other"), "");
  store::Task other = task;
  other.name = "another";
  EXPECT_EQ(TaskSecrets::Open(other, *sealer_).code(), Code::kDataLoss) << "they belong to their task";
  ASSERT_TRUE(TaskSecrets().Seal(*sealer_, &task).ok());
  EXPECT_EQ(task.sealed, "");
}

TEST_F(TaskSecretsTest, AreTakenOutOfAStepAndPutBack) {
  task::QuickBuild build;
  build.arguments = {{.name = "OPEN", .value = "o", .secret = false},
                     {.name = "TOKEN", .value = "t0ken", .secret = true}};
  store::TaskStep step = build;
  TaskSecrets secrets;
  TakeSecrets(&step, &secrets);
  EXPECT_EQ(std::get<task::QuickBuild>(step).arguments[0].value, "o");
  EXPECT_EQ(std::get<task::QuickBuild>(step).arguments[1].value, "");
  EXPECT_EQ(secrets.Get("arg:TOKEN"), "t0ken");
  PutSecrets(secrets, &step);
  EXPECT_EQ(std::get<task::QuickBuild>(step).arguments[1].value, "t0ken");
}

TEST_F(TaskSecretsTest, AHiddenValueKeepsWhatIsThereAndOthersGo) {
  TaskSecrets secrets;
  secrets.Set("value:kept", "k");
  secrets.Set("value:gone", "g");
  secrets.Set("context", "c");
  task::FileTask file;
  file.values = {{.name = "kept", .value = std::string(kHidden), .secret = true}};
  store::TaskStep step = file;
  TakeSecrets(&step, &secrets);
  EXPECT_EQ(secrets.Get("value:kept"), "k");
  EXPECT_FALSE(secrets.Has("value:gone"));
  EXPECT_EQ(secrets.Get("context"), "c");
}

}  // namespace
}  // namespace slipway::tasks
