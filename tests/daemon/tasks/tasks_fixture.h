// A store of tasks in a temporary folder, a key, and a task.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "daemon/secrets/sealer.h"
#include "daemon/store/sqlite_task_store.h"
#include "daemon/tasks/task_secrets.h"
#include "executor/base/fs.h"

namespace slipway::tasks {

class TasksFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = *fs::TempDir::Make();
    sealer_ = std::make_unique<secrets::Sealer>(*secrets::Sealer::Open(fs::Join(dir_.path(), "key")));
    OpenStore();
  }
  void OpenStore() {
    store_.reset();
    store_ = *store::SqliteTaskStore::Open(fs::Join(dir_.path(), "runs.db"));
  }

  /// A task of a repository, with a trigger "t" whose secret is "s3cret".
  store::Task HookedTask(const std::string& name = "hooked") {
    store::Task task;
    task.name = name;
    task::QuickBuild build;
    build.source_location = "https://github.example.com/org/app.git#main:service";
    task.step = build;
    store::SourceTrigger source;
    source.name = "t";
    source.branches = {"main"};
    source.on_pull_request = true;
    task.sources = {source};
    TaskSecrets secrets;
    secrets.Set("trigger:t:secret", "s3cret");
    EXPECT_TRUE(secrets.Seal(*sealer_, &task).ok());
    return task;
  }

  fs::TempDir dir_;
  std::unique_ptr<secrets::Sealer> sealer_;
  std::unique_ptr<store::SqliteTaskStore> store_;
};

}  // namespace slipway::tasks
