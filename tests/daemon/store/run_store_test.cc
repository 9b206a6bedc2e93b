// The contract of a RunStore, on SQLite.
#include "daemon/store/run_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <thread>

#include "daemon/store/sqlite_run_store.h"
#include "executor/base/boot_id.h"
#include "executor/base/fs.h"
#include "executor/base/guarded.h"

namespace slipway::store {
namespace {

using ::testing::ElementsAre;

SystemTime At(int seconds) { return SystemTime(std::chrono::seconds(1'700'000'000 + seconds)); }

class RunStoreTest : public ::testing::Test {
 protected:
  RunStoreTest() { Reopen(); }

  void Reopen() {
    store_.reset();
    store_ = *SqliteRunStore::Open(dir_.path() + "/runs.db", "ca");
  }

  /// The store as a daemon has left it that died in that boot of the machine.
  void CrashIn(const std::string& boot) {
    store_.reset();
    const Status died = (*db::Database::Open(dir_.path() + "/runs.db"))
                            ->Run("INSERT INTO setting (name, value) VALUES ('open_in_boot', ?)", boot);
    ASSERT_TRUE(died.ok()) << died.message();
    Reopen();
  }

  /// From now on no sync of the store's log succeeds: what it syncs is a pipe.
  void BreakSync() {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const UniqueFd read_end(ends[0]), write_end(ends[1]);
    int broken = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      if (std::filesystem::read_symlink(entry.path(), gone) != dir_.path() + "/runs.db-wal") continue;
      const int fd = std::stoi(entry.path().filename());
      if ((::fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY) continue;  // SQLite's own
      ASSERT_EQ(::dup3(write_end.get(), fd, O_CLOEXEC), fd);
      ++broken;
    }
    ASSERT_EQ(broken, 1);
  }

  static NewRun Request(int second = 0) {
    NewRun request;
    request.build.source_location = "https://example.com/a.git";
    request.build.image_names = {"app:v1"};
    request.now = At(second);
    return request;
  }

  store::Run Create(int second = 0) { return store_->Create(Request(second))->run; }

  store::Run Finished(RunState state, const RunResult& result = {}) {
    const store::Run run = Create();
    EXPECT_TRUE(store_->Start(run.id, At(1)).ok());
    EXPECT_TRUE(store_->SetRunning(run.id, At(2)).ok());
    return *store_->Finish(run.id, state, result, At(3));
  }

  std::vector<std::string> Ids(const RunFilter& filter) {
    std::vector<std::string> ids;
    const Result<RunPage> page = store_->List(filter, 100, "");
    EXPECT_TRUE(page.ok()) << page.status().message();
    for (const store::Run& run : page->runs) ids.push_back(run.id);
    return ids;
  }

  fs::TempDir dir_ = *fs::TempDir::Make();
  std::unique_ptr<RunStore> store_;
};

TEST_F(RunStoreTest, ANewRunMayBeginAsSoonAsItIsSeen) {
  NewRun request = Request();
  std::string begun;
  request.on_seen = [&](const store::Run& run) {
    begun = run.id;
    EXPECT_TRUE(store_->Start(run.id, At(1)).ok());
  };
  request.request_id = "once";
  const CreatedRun created = *store_->Create(request);
  EXPECT_EQ(created.run.id, begun);
  EXPECT_EQ(store_->Get(begun)->state, RunState::kStarted);
  begun.clear();
  EXPECT_TRUE(store_->Create(request)->existed);
  EXPECT_EQ(begun, "") << "it began before";
}

// Others find it, so it must not wait for ever.
TEST_F(RunStoreTest, WhatTheDiskFailsToTakeBeginsAllTheSame) {
  for (const bool told : {false, true}) {
    Reopen();
    if (told) {
      static_cast<SqliteRunStore&>(*store_).SetAnnouncer([](const store::Run&) {
        return std::vector<NewNotification>{{.lane = "somebody", .receiver = "", .event = "queued", .content = "{}"}};
      });
    }
    BreakSync();
    NewRun request = Request();
    std::string begun;
    request.on_seen = [&](const store::Run& run) { begun = run.id; };
    EXPECT_FALSE(store_->Create(request).ok());
    EXPECT_EQ(store_->Get(begun)->state, RunState::kQueued);
  }
}

TEST_F(RunStoreTest, AnIdThatLossOfPowerMayHaveTakenIsNotGivenAgain) {
  EXPECT_EQ(Create().id, "ca1");
  Reopen();
  EXPECT_EQ(Create().id, "ca2");
  CrashIn(BootAndMount(dir_.path()));
  EXPECT_EQ(Create().id, "ca3") << "the end of the daemon takes no run";
  CrashIn("another boot");
  const store::Run after = Create();
  EXPECT_EQ(after.number, 1004);
  Reopen();
  EXPECT_EQ(Create().number, 1005);
}

TEST_F(RunStoreTest, ANewRunIsQueuedWithAllItWasGiven) {
  NewRun request = Request();
  task::QuickBuild& build = request.build;
  build.docker_file_path = "d/Dockerfile";
  build.docker_file_content = "FROM scratch\n";
  build.is_push_enabled = false;
  build.no_cache = true;
  build.target = "t";
  build.arguments = {{.name = "A", .value = "1"}, {.name = "B", .value = "", .secret = true}};
  build.platforms = {*oci::Platform::Parse("linux/arm64")};
  build.labels = {{"k", "v"}};
  build.annotations = {{"x", "y"}};
  build.extra_hosts = {"h:1.2.3.4"};
  build.network = "none";
  build.media_types = oci::Family::kDocker;
  build.compression = oci::Compression::kZstd;
  build.check = true;
  build.inputs.secrets = {{.id = "tok", .value = "never stored here"}};
  build.inputs.ssh = {"default"};
  build.inputs.build_contexts = {{"alpine", "docker-image://other"}};
  build.inputs.ulimits = {"nofile=1:2"};
  build.inputs.shm_size_bytes = 5;
  build.inputs.allow = {"network.host"};
  request.timeout = std::chrono::seconds(77);
  const store::Run made = store_->Create(request)->run;
  const store::Run run = *store_->Get(made.id);
  EXPECT_EQ(run.id, "ca1");
  EXPECT_EQ(run.state, RunState::kQueued);
  EXPECT_EQ(run.create_time, At(0));
  EXPECT_EQ(run.last_updated_time, At(0));
  EXPECT_FALSE(run.start_time);
  EXPECT_EQ(run.attempt, 1);
  EXPECT_EQ(run.timeout.count(), 77);
  EXPECT_EQ(run.build.source_location, build.source_location);
  EXPECT_EQ(run.build.docker_file_content, "FROM scratch\n");
  EXPECT_EQ(run.build.is_push_enabled, false);
  EXPECT_EQ(run.build.arguments[1].name, "B");
  EXPECT_TRUE(run.build.arguments[1].secret);
  EXPECT_EQ(run.build.platforms, build.platforms);
  EXPECT_EQ(run.build.labels, build.labels);
  EXPECT_EQ(run.build.annotations, build.annotations);
  EXPECT_EQ(run.build.inputs.secrets.at(0).id, "tok");
  EXPECT_EQ(run.build.inputs.secrets.at(0).value, "");
  EXPECT_EQ(run.build.inputs.ssh, build.inputs.ssh);
  EXPECT_EQ(run.build.inputs.build_contexts, build.inputs.build_contexts);
  EXPECT_EQ(run.build.inputs.ulimits, build.inputs.ulimits);
  EXPECT_EQ(run.build.inputs.shm_size_bytes, 5U);
  EXPECT_EQ(run.build.inputs.allow, build.inputs.allow);
  EXPECT_EQ(run.build.extra_hosts, build.extra_hosts);
  EXPECT_EQ(run.build.media_types, oci::Family::kDocker);
  EXPECT_EQ(run.build.compression, oci::Compression::kZstd);
  EXPECT_EQ(run.build.docker_file_path, "d/Dockerfile");
  EXPECT_EQ(run.build.target, "t");
  EXPECT_EQ(run.build.network, "none");
  EXPECT_TRUE(run.build.no_cache);
  EXPECT_TRUE(run.build.check);
}

TEST_F(RunStoreTest, IdsCountUpOverRestarts) {
  EXPECT_EQ(Create().id, "ca1");
  EXPECT_EQ(Create().id, "ca2");
  Reopen();
  EXPECT_EQ(Create().id, "ca3");
  EXPECT_EQ(store_->run_id_prefix(), "ca");
}

TEST_F(RunStoreTest, APrefixIsForEver) {
  EXPECT_EQ(SqliteRunStore::Open(dir_.path() + "/runs.db", "zz").code(), Code::kFailedPrecondition);
  EXPECT_EQ((*SqliteRunStore::Open(dir_.path() + "/runs.db"))->run_id_prefix(), "ca");
  const auto drawn = *SqliteRunStore::Open(dir_.path() + "/other.db");
  EXPECT_TRUE(IsRunId(drawn->run_id_prefix() + "1"));
}

TEST_F(RunStoreTest, IdsAreUniqueAmongThreads) {
  Guarded<std::set<std::string>> ids;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 10; ++i) ids.Lock()->insert(store_->Create(Request())->run.id);
      });
    }
  }
  EXPECT_EQ(ids.Lock()->size(), 40U);
}

TEST_F(RunStoreTest, ARequestIdMakesOneRun) {
  NewRun request = Request();
  request.request_id = "r-1";
  const CreatedRun first = *store_->Create(request);
  EXPECT_FALSE(first.existed);
  request.build.target = "other";
  const CreatedRun second = *store_->Create(request);
  EXPECT_TRUE(second.existed);
  EXPECT_EQ(second.run.id, first.run.id);
  EXPECT_EQ(second.run.build.target, "");
}

TEST_F(RunStoreTest, TheQueueIsBounded) {
  NewRun request = Request();
  request.max_queued = 2;
  EXPECT_TRUE(store_->Create(request).ok());
  EXPECT_TRUE(store_->Create(request).ok());
  EXPECT_EQ(store_->Create(request).code(), Code::kResourceExhausted);
  EXPECT_EQ(store_->Queue(2)->queued, 2U);
  EXPECT_EQ(store_->Queue(2)->before, 1U);
}

TEST_F(RunStoreTest, ATransitionSetsItsTimes) {
  const store::Run run = Create();
  EXPECT_EQ(store_->Start(run.id, At(1))->start_time, At(1));
  const store::Run running = *store_->SetRunning(run.id, At(2));
  EXPECT_EQ(running.state, RunState::kRunning);
  EXPECT_EQ(running.last_updated_time, At(2));
  EXPECT_FALSE(running.finish_time);
  EXPECT_EQ(store_->Finish(run.id, RunState::kSucceeded, {}, At(3))->finish_time, At(3));
}

TEST_F(RunStoreTest, ATaskFileIsReadBack) {
  NewRun request = Request();
  request.file_task =
      task::FileTask{.source_location = "https://example.com/a.git",
                     .file = "acb.yaml",
                     .content = "steps: []",
                     .values_file = "v.yaml",
                     .values_content = "a: b",
                     .values = {{.name = "x", .value = "1"}, {.name = "s", .value = "", .secret = true}},
                     .platform = oci::Platform::Parse("linux/arm64").value(),
                     .strict = true};
  const store::Run run = *store_->Get(store_->Create(request)->run.id);
  EXPECT_EQ(run.type, RunType::kQuickRun);
  ASSERT_TRUE(run.file_task);
  EXPECT_EQ(SourceOf(run), "https://example.com/a.git");
  EXPECT_EQ(run.file_task->file, "acb.yaml");
  EXPECT_EQ(run.file_task->content, "steps: []");
  EXPECT_EQ(run.file_task->values_file, "v.yaml");
  EXPECT_EQ(run.file_task->values_content, "a: b");
  EXPECT_TRUE(run.file_task->values.at(1).secret);
  EXPECT_EQ(run.file_task->platform->architecture, "arm64");
  EXPECT_TRUE(run.file_task->strict);
  RunFilter tasks;
  tasks.type = RunType::kQuickRun;
  Create();
  EXPECT_EQ(Ids(tasks), std::vector<std::string>{run.id});
}

TEST_F(RunStoreTest, AResultIsReadBack) {
  RunResult result;
  result.error_message = "exit code: 1";
  result.error_code = "FAILED_PRECONDITION";
  result.failed_step = "push";
  result.output_images = {{.registry = "r.io", .repository = "app", .tag = "v1", .digest = "sha256:aa"},
                          {.registry = "r.io", .repository = "app", .tag = "v2", .digest = "sha256:aa"}};
  result.pushed = {1};
  result.summary = Summary{
      .vertices = 5, .cached = 3, .layers_pushed = 1, .layers_mounted = 2, .layers_there = 4, .digest = "sha256:aa"};
  result.revision = "abc";
  result.base_images = {{.image = {.registry = "docker.io", .repository = "library/alpine", .tag = "3", .digest = "d"},
                         .is_runtime = true}};
  result.steps = {{.id = "test",
                   .kind = 3,
                   .state = 4,
                   .exit_code = 3,
                   .start = At(1),
                   .finish = At(2),
                   .attempts = 2,
                   .error = "exit code: 3",
                   .errors_ignored = true,
                   .log_begin = 10,
                   .log_end = 20,
                   .when = {"build"},
                   .run_on = "always"},
                  {.id = "push", .kind = 2, .state = 1, .run_on = "success"}};
  result.dependencies = {{.image = result.output_images[0],
                          .runtime = result.base_images[0].image,
                          .buildtime = {result.base_images[0].image},
                          .revision = "abc"},
                         {.image = {}, .runtime = {}, .buildtime = {}, .revision = ""}};
  const RunResult got = store_->Get(Finished(RunState::kFailed, result).id)->result;
  EXPECT_EQ(got.steps, result.steps);
  EXPECT_EQ(got.dependencies, result.dependencies);
  EXPECT_EQ(got.error_message, result.error_message);
  EXPECT_EQ(got.error_code, result.error_code);
  EXPECT_EQ(got.failed_step, result.failed_step);
  EXPECT_EQ(got.output_images, result.output_images);
  EXPECT_EQ(got.pushed, result.pushed);
  EXPECT_EQ(got.summary, result.summary);
  EXPECT_EQ(got.revision, result.revision);
  EXPECT_EQ(got.base_images, result.base_images);
}

TEST_F(RunStoreTest, AFinalStateNeverChanges) {
  const store::Run run = Finished(RunState::kSucceeded);
  EXPECT_EQ(store_->Finish(run.id, RunState::kFailed, {}, At(9)).code(), Code::kFailedPrecondition);
  EXPECT_EQ(store_->Start(run.id, At(9)).code(), Code::kFailedPrecondition);
  EXPECT_EQ(store_->Requeue(run.id, true, At(9)).code(), Code::kFailedPrecondition);
  EXPECT_EQ(store_->RequestCancel(run.id, At(9)).code(), Code::kFailedPrecondition);
  const store::Run after = *store_->Get(run.id);
  EXPECT_EQ(after.state, RunState::kSucceeded);
  EXPECT_EQ(after.last_updated_time, At(3));
}

TEST_F(RunStoreTest, AnUnknownRunIsNotFound) {
  EXPECT_EQ(store_->Get("ca99").code(), Code::kNotFound);
  EXPECT_EQ(store_->Start("ca99", At(0)).code(), Code::kNotFound);
  EXPECT_EQ(store_->RequestCancel("ca99", At(0)).code(), Code::kNotFound);
}

TEST_F(RunStoreTest, AQueuedRunIsCanceledAtOnce) {
  const store::Run canceled = *store_->RequestCancel(Create().id, At(1));
  EXPECT_EQ(canceled.state, RunState::kCanceled);
  EXPECT_EQ(canceled.finish_time, At(1));
  EXPECT_EQ(canceled.result.error_code, "CANCELLED");
}

TEST_F(RunStoreTest, AnActiveRunIsMarkedForCancel) {
  const store::Run run = Create();
  ASSERT_TRUE(store_->Start(run.id, At(1)).ok());
  const store::Run marked = *store_->RequestCancel(run.id, At(2));
  EXPECT_EQ(marked.state, RunState::kStarted);
  EXPECT_TRUE(marked.cancel_requested);
  EXPECT_TRUE(store_->RequestCancel(run.id, At(3)).ok());
}

TEST_F(RunStoreTest, OnlyCrashesCountAsCrashes) {
  const store::Run run = Create();
  ASSERT_TRUE(store_->Start(run.id, At(1)).ok());
  EXPECT_EQ(store_->Requeue(run.id, false, At(2))->crashes, 0);
  ASSERT_TRUE(store_->Start(run.id, At(3)).ok());
  const store::Run again = *store_->Requeue(run.id, true, At(4));
  EXPECT_EQ(again.crashes, 1);
  EXPECT_EQ(again.attempt, 3);
  EXPECT_EQ(again.start_time, At(1));
}

TEST_F(RunStoreTest, SecretsAreSealedForTheIdAndGoWithTheEnd) {
  NewRun request = Request();
  request.seal = [](const std::string& id) -> Result<std::string> { return std::string("sealed\0for ", 11) + id; };
  const store::Run run = store_->Create(request)->run;
  EXPECT_EQ(store_->Get(run.id)->sealed, std::string("sealed\0for ca1", 14));
  ASSERT_TRUE(store_->Start(run.id, At(1)).ok());
  ASSERT_TRUE(store_->Finish(run.id, RunState::kError, {}, At(2)).ok());
  EXPECT_EQ(store_->Get(run.id)->sealed, "");
}

TEST_F(RunStoreTest, AFailedSealStoresNothing) {
  NewRun request = Request();
  request.seal = [](const std::string&) -> Result<std::string> { return Internal("no"); };
  EXPECT_FALSE(store_->Create(request).ok());
  EXPECT_THAT(Ids({}), ElementsAre());
  EXPECT_EQ(Create().id, "ca1");
}

TEST_F(RunStoreTest, UnfinishedGivesTheOldestFirst) {
  Finished(RunState::kSucceeded);
  const store::Run a = Create();
  const store::Run b = Create();
  ASSERT_TRUE(store_->Start(b.id, At(1)).ok());
  std::vector<std::string> ids;
  const std::vector<store::Run> unfinished = *store_->Unfinished();
  for (const store::Run& run : unfinished) ids.push_back(run.id);
  EXPECT_THAT(ids, ElementsAre(a.id, b.id));
}

TEST_F(RunStoreTest, ListsAreFiltered) {
  RunResult result;
  result.output_images = {{.registry = "r.io", .repository = "app", .tag = "v1", .digest = "sha256:aa"}};
  Finished(RunState::kSucceeded, result);  // ca1
  Finished(RunState::kFailed);             // ca2
  Create(50);                              // ca3
  EXPECT_THAT(Ids({}), ElementsAre("ca3", "ca2", "ca1"));
  EXPECT_THAT(Ids({.states = {RunState::kFailed, RunState::kQueued}}), ElementsAre("ca3", "ca2"));
  EXPECT_THAT(Ids({.type = RunType::kQuickBuild}), ElementsAre("ca3", "ca2", "ca1"));
  EXPECT_THAT(Ids({.create_time_from = At(50)}), ElementsAre("ca3"));
  EXPECT_THAT(Ids({.create_time_before = At(50)}), ElementsAre("ca2", "ca1"));
  EXPECT_THAT(Ids({.output_image = Image{.repository = "app"}}), ElementsAre("ca1"));
  EXPECT_THAT(Ids({.output_image = Image{.registry = "r.io", .repository = "app", .tag = "v1"}}), ElementsAre("ca1"));
  EXPECT_THAT(Ids({.output_image = Image{.repository = "app", .tag = "v2"}}), ElementsAre());
  EXPECT_THAT(Ids({.output_image = Image{.repository = "app", .digest = "sha256:aa"}}), ElementsAre("ca1"));
}

TEST_F(RunStoreTest, RunsOfATaskKnowWhatStartedThem) {
  Create();  // ca1
  NewRun request = Request();
  request.task = "Nightly";
  request.trigger = {.kind = RunTrigger::Kind::kTimer, .name = "t1", .occurrence = At(7)};
  const RunTrigger timer = request.trigger;
  ASSERT_TRUE(store_->Create(request).ok());  // ca2
  request.trigger = {.kind = RunTrigger::Kind::kCommit, .commit = "abc"};
  ASSERT_TRUE(store_->Create(request).ok());  // ca3
  EXPECT_EQ(store_->Get("ca1")->task, "");
  EXPECT_EQ(store_->Get("ca1")->trigger, RunTrigger());
  EXPECT_EQ(store_->Get("ca2")->task, "Nightly");
  EXPECT_EQ(store_->Get("ca2")->trigger, timer);
  EXPECT_THAT(Ids({.task = "nightly"}), ElementsAre("ca3", "ca2"));
  EXPECT_THAT(Ids({.task = "other"}), ElementsAre());
  EXPECT_THAT(Ids({.triggers = {RunTrigger::Kind::kTimer, RunTrigger::Kind::kManual}}), ElementsAre("ca2", "ca1"));
}

TEST_F(RunStoreTest, RunsAreArchivedAndNot) {
  Create();
  Create();
  EXPECT_TRUE(store_->SetArchived("ca1", true, At(3))->archived);
  EXPECT_THAT(Ids({.archived = true}), ElementsAre("ca1"));
  EXPECT_THAT(Ids({.archived = false}), ElementsAre("ca2"));
  EXPECT_FALSE(store_->SetArchived("ca1", false, At(3))->archived);
  EXPECT_EQ(store_->SetArchived("ca9", true, At(3)).code(), Code::kNotFound);
}

TEST_F(RunStoreTest, PagesAreStableWhileRunsAreAdded) {
  for (int i = 0; i < 5; ++i) Create();
  const RunPage first = *store_->List({}, 2, "");
  EXPECT_EQ(first.runs[1].id, "ca4");
  Create();
  const RunPage second = *store_->List({}, 2, first.next_page_token);
  EXPECT_EQ(second.runs[0].id, "ca3");
  const RunPage third = *store_->List({}, 2, second.next_page_token);
  EXPECT_EQ(third.runs.size(), 1U);
  EXPECT_EQ(third.next_page_token, "");
  EXPECT_EQ(store_->List({}, 5, second.next_page_token)->next_page_token, "");
}

TEST_F(RunStoreTest, APageTokenBelongsToItsFilter) {
  for (int i = 0; i < 3; ++i) Create();
  const std::string token = store_->List({}, 1, "")->next_page_token;
  EXPECT_EQ(store_->List({.states = {RunState::kQueued}}, 1, token).code(), Code::kInvalidArgument);
  for (const char* bad : {"x", "1-", "1-zz-00000000", "2-1-aa", "1--aaaa"}) {
    EXPECT_EQ(store_->List({}, 1, bad).code(), Code::kInvalidArgument) << bad;
  }
}

TEST_F(RunStoreTest, TextsThatAreNoUtf8AreStoredAllTheSame) {
  NewRun request = Request();
  request.build.target = "\xff\xfe";
  EXPECT_TRUE(store_->Create(request).ok());
}

}  // namespace
}  // namespace slipway::store
