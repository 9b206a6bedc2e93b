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

TEST_F(TaskSecretsTest, PasswordsOfAddressesAndSecretsOfTheBuildAreSecretsToo) {
  task::QuickBuild build;
  build.source_location = "https://ada:p%40ss@h/a.git#main";
  build.inputs.secrets = {{.id = "npm", .value = "n"}};
  build.inputs.build_contexts = {{"lib", "https://tok@h/lib.git"}, {"base", "docker-image://alpine"}};
  store::TaskStep step = build;
  TaskSecrets secrets;
  TakeSecrets(&step, &secrets);
  auto& open = std::get<task::QuickBuild>(step);
  EXPECT_EQ(open.source_location, "https://ada:***@h/a.git#main");
  EXPECT_EQ(open.inputs.secrets[0].value, "");
  EXPECT_EQ(open.inputs.build_contexts.at("lib"), "https://***@h/lib.git");
  EXPECT_EQ(secrets.Get("context"), "p@ss");
  // The same again, as it is shown: nothing is lost.
  open.inputs.secrets[0].value = kHidden;
  TakeSecrets(&step, &secrets);
  EXPECT_EQ(secrets.Get("context"), "p@ss");
  PutSecrets(secrets, &step);
  EXPECT_EQ(open.inputs.secrets[0].value, "n");
  EXPECT_EQ(open.inputs.build_contexts.at("lib"), "https://tok@h/lib.git");
  EXPECT_EQ(open.inputs.build_contexts.at("base"), "docker-image://alpine");
}

TEST_F(TaskSecretsTest, AnotherKindOfStepLeavesNothingOfTheFirst) {
  TaskSecrets secrets;
  secrets.Set("arg:TOKEN", "t");
  secrets.Set("trigger:t:secret", "s");
  store::TaskStep step = task::FileTask();
  TakeSecrets(&step, &secrets);
  EXPECT_EQ(secrets.values().size(), 1U);
  EXPECT_EQ(secrets.Get("trigger:t:secret"), "s");
}

}  // namespace
}  // namespace slipway::tasks
