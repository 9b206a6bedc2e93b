#include "daemon/tasks/base_logins.h"

#include <gmock/gmock.h>

#include "daemon/store/sqlite_run_store.h"
#include "tests/daemon/tasks/tasks_fixture.h"

namespace slipway::tasks {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class BaseLoginsTest : public TasksFixture {
 protected:
  void SetUp() override {
    TasksFixture::SetUp();
    runs_ = *store::SqliteRunStore::Open(fs::Join(dir_.path(), "runs.db"), "ca");  // makes the tables
  }
  // A task that stands on r.io/base:1, with a login of `server`.
  void AddTask(const std::string& name, const std::string& server, const std::string& password) {
    store::Task task;
    task.name = name;
    task.step = task::QuickBuild();
    task.base_image = store::BaseImageTrigger{.name = "base"};
    task.logins = {{.server = server, .username = "ada"}};
    TaskSecrets secrets;
    secrets.Set("credential:" + server, password);
    ASSERT_TRUE(secrets.Seal(*sealer_, &task).ok());
    ASSERT_TRUE(store_->Create(task, Clock::Real().System()).ok());
    const store::Image base{.registry = "r.io", .repository = "base", .tag = "1", .digest = ""};
    ASSERT_TRUE(store_->SetBases(name, {{base, true}}).ok());
  }
  std::vector<std::string> Passwords(const std::string& image) {
    std::vector<std::string> out;
    for (const auto& login : LoginsOfBase(*store_, *sealer_, *oci::Reference::Parse(image))) {
      const auto found = login->Lookup(Context::Background(), "r.io");
      if (found.ok() && found->has_value()) out.push_back((*found)->password);
    }
    return out;
  }

  std::unique_ptr<store::SqliteRunStore> runs_;
};

TEST_F(BaseLoginsTest, AreThoseOfTasksThatStandOnTheImageEachOnce) {
  AddTask("first-task", "r.io", "one");
  AddTask("second-task", "r.io", "two");
  AddTask("third-task", "r.io", "one");
  AddTask("other-task", "s.io", "three");
  EXPECT_THAT(Passwords("r.io/base:1"), ElementsAre("one", "two"));
  EXPECT_THAT(Passwords("r.io/base:2"), IsEmpty());
}

TEST_F(BaseLoginsTest, OneThatCannotBeReadIsPassedOver) {
  AddTask("first-task", "r.io", "one");
  *sealer_ = *secrets::Sealer::Open(fs::Join(dir_.path(), "another-key"));
  AddTask("second-task", "r.io", "two");
  EXPECT_THAT(Passwords("r.io/base:1"), ElementsAre("two"));
}

}  // namespace
}  // namespace slipway::tasks
