// What tests of base image triggers share: stores on one database, a registry of tags, and a starter of runs that only
// stores them.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <map>

#include "daemon/store/sqlite_run_store.h"
#include "daemon/tasks/base_changes.h"
#include "executor/base/guarded.h"
#include "tests/daemon/tasks/tasks_fixture.h"

namespace slipway::tasks {

class BasesFixture : public TasksFixture {
 protected:
  void SetUp() override {
    TasksFixture::SetUp();
    runs_ = *store::SqliteRunStore::Open(fs::Join(dir_.path(), "runs.db"), "ca");
  }

  static store::Image Image(const std::string& name, const std::string& content = "") {
    return {.registry = "r.io",
            .repository = name,
            .tag = "1",
            .digest = content.empty() ? "" : Digest::Of(content).ToString()};
  }
  /// A task that makes r.io/NAME:1.
  store::Task AddTask(const std::string& name, bool all_stages = false) {
    store::Task task;
    task.name = name;
    task::QuickBuild build;
    build.source_location = "/dev/null";
    build.image_names = {"r.io/" + name + ":1"};
    task.step = build;
    task.base_image = store::BaseImageTrigger{.name = "base", .all_stages = all_stages};
    return *store_->Create(task, Clock::Real().System());
  }
  /// Ends a run well: what it was built from (runtime first, then build time), and what it has pushed.
  void Finish(const std::string& id, const std::vector<store::Image>& bases, const std::vector<store::Image>& pushed) {
    store::RunResult result;
    for (size_t i = 0; i < bases.size(); ++i) result.base_images.push_back({bases[i], i == 0});
    result.output_images = pushed;
    const SystemTime now = Clock::Real().System();
    ASSERT_TRUE(runs_->Start(id, now).ok());
    ASSERT_TRUE(runs_->SetRunning(id, now).ok());
    const auto run = runs_->Finish(id, store::RunState::kSucceeded, result, now);
    ASSERT_TRUE(run.ok()) << run.status().message();
    ASSERT_TRUE(store_->SetBases(run->task, result.base_images).ok());
    for (const store::Image& image : pushed) (*tags_.Lock())[image.repository] = image.digest;
  }
  /// A first run of a task, from its bases.
  store::Run Built(const store::Task& task, const std::vector<store::Image>& bases, const std::string& content) {
    const store::CreatedRun run = *runs_->Create({.task = task.name, .now = Clock::Real().System()});
    Finish(run.run.id, bases, {Image(task.name, content)});
    return run.run;
  }
  void Push(const store::Image& image) { (*tags_.Lock())[image.repository] = image.digest; }

  BaseChanges::Parts Parts() {
    return {.tasks = *store_,
            .runs = *runs_,
            .clock = Clock::Real(),
            .lookup = [this](const Context&, const oci::Reference& name) -> Result<Digest> {
              ++lookups_;
              if (!lookup_status_.ok()) return lookup_status_;
              auto tags = tags_.Lock();
              const auto found = tags->find(name.repository);
              if (found == tags->end()) return NotFound("no tag '{}'", name.ToString());
              return Digest::Parse(found->second);
            },
            .start_run =
                [this](const TaskStart& start) {
                  return runs_->Create({.request_id = start.request_id,
                                        .task = start.task.name,
                                        .trigger = start.trigger,
                                        .now = Clock::Real().System()});
                },
            .on_started = [this](const StartedByImage& started) { told_.Lock()->push_back(started.run.task); }};
  }
  std::vector<store::Run> Queued() { return runs_->List({.states = {store::RunState::kQueued}}, 100, "")->runs; }
  std::vector<std::string> QueuedTasks() {
    std::vector<std::string> out;
    for (const store::Run& run : Queued()) out.push_back(run.task);
    return out;
  }

  std::unique_ptr<store::SqliteRunStore> runs_;
  Guarded<std::map<std::string, std::string>> tags_;  // digest by repository
  std::atomic<int> lookups_{0};
  Guarded<std::vector<std::string>> told_;
  Status lookup_status_;
};

}  // namespace slipway::tasks
