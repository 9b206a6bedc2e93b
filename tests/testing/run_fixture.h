// RunFixture: a dispatcher with a real store, real logs and a fake builder, which can be stopped, killed (as far as
// that goes within a process) and started again on the same folder.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "daemon/logs/archive.h"
#include "daemon/runs/dispatcher.h"
#include "daemon/secrets/sealer.h"
#include "daemon/sources/uploads.h"
#include "daemon/store/sqlite_run_store.h"
#include "executor/base/fs.h"
#include "tests/testing/fake_builder.h"

namespace slipway::testing {

class RunFixture : public ::testing::Test {
 protected:
  RunFixture() {
    options_.max_runs = 2;
    options_.rules.default_registry = "r.io";
    Open();
  }

  ~RunFixture() override {
    builder_.OpenGate();
    Close();
  }

  /// Opens everything but the dispatcher's threads.
  void Open() {
    store_ = *store::SqliteRunStore::Open(dir_.path() + "/runs.db", "ca");
    archive_ = *logs::Archive::Open(dir_.path() + "/logs");
    sealer_ = std::make_unique<secrets::Sealer>(*secrets::Sealer::Open(dir_.path() + "/key"));
    uploads_ = std::make_unique<sources::Uploads>(builder_.store(), Clock::Real());
    dispatcher_ = std::make_unique<runs::Dispatcher>(Parts(), *uploads_, options_);
  }
  void Start() {
    const Status status = dispatcher_->Start();
    ASSERT_TRUE(status.ok()) << status.message();
  }
  void Close() {
    dispatcher_.reset();
    uploads_.reset();
    sealer_.reset();
    archive_.reset();
    store_.reset();
  }
  /// A graceful stop without grace, then a start.
  void Restart() {
    Close();
    Open();
    Start();
  }
  runs::Parts Parts() {
    return {.store = *store_,
            .archive = *archive_,
            .sealer = *sealer_,
            .builder = builder_,
            .clock = Clock::Real(),
            .kept = kept_,
            .agents = agents_,
            .on_run = [this](const store::Run& run) {
              {
                const std::lock_guard lock(told_mutex_);
                told_.push_back(run);
              }
              if (listener_) listener_(run);
            }};
  }

  static runs::ScheduleRequest Request(std::string name = "app:{{.Run.ID}}") {
    runs::ScheduleRequest request;
    request.build.source_location = "/dev/null";
    request.build.image_names = {std::move(name)};
    return request;
  }
  std::string Schedule(const runs::ScheduleRequest& request = Request()) {
    const Result<store::CreatedRun> created = dispatcher_->Schedule(request);
    EXPECT_TRUE(created.ok()) << created.status().message();
    return created.ok() ? created->run.id : "";
  }

  /// The states that were told of a run, in their order.
  std::vector<store::RunState> Told(const std::string& id) {
    const std::lock_guard lock(told_mutex_);
    std::vector<store::RunState> states;
    for (const store::Run& run : told_)
      if (run.id == id) states.push_back(run.state);
    return states;
  }

  /// Waits (with a deadline) until the run has a final state; the run as it is then.
  store::Run WaitForEnd(const std::string& id) {
    return WaitFor(id, [](const store::Run& run) { return store::IsFinal(run.state); });
  }
  store::Run WaitFor(const std::string& id, const std::function<bool(const store::Run&)>& done) {
    struct Waiter : logs::Listener {
      void OnFeed() override {
        const std::lock_guard lock(mutex);
        ++news;
        changed.notify_all();
      }
      std::mutex mutex;
      std::condition_variable changed;
      int news = 0;
    };
    const auto waiter = std::make_shared<Waiter>();
    const auto feed = archive_->Read(id);
    feed->Subscribe(waiter);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (int seen = 0;;) {
      store::Run run = *store_->Get(id);
      if (done(run)) return run;
      std::unique_lock lock(waiter->mutex);
      // A feed that was closed tells nothing more.
      const auto until = std::min(deadline, std::chrono::steady_clock::now() + std::chrono::milliseconds(100));
      waiter->changed.wait_until(lock, until, [&] { return waiter->news != seen; });
      seen = waiter->news;
      if (std::chrono::steady_clock::now() >= deadline) {
        ADD_FAILURE() << "run " << id << " is still " << store::StateName(run.state);
        return run;
      }
    }
  }

  std::string Log(const std::string& id) { return fs::ReadFile(dir_.path() + "/logs/" + id + ".log").ValueOr(""); }

  std::function<void(const store::Run&)> listener_;  ///< is told of runs too; set it before Start
  std::mutex told_mutex_;
  std::vector<store::Run> told_;  // guarded by told_mutex_
  fs::TempDir dir_ = *fs::TempDir::Make();
  FakeBuilder builder_;
  agents::AgentHub agents_;
  runs::DispatcherOptions options_;
  std::unique_ptr<store::RunStore> store_;
  std::unique_ptr<logs::Archive> archive_;
  std::unique_ptr<secrets::Sealer> sealer_;
  std::unique_ptr<sources::Uploads> uploads_;
  runs::KeptImages kept_{Clock::Real()};
  std::unique_ptr<runs::Dispatcher> dispatcher_;
};

}  // namespace slipway::testing
