#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/store/run_trigger.h"
#include "daemon/store/sqlite_task_store.h"
#include "daemon/store/task_json.h"
#include "executor/base/fs.h"

namespace slipway::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const SystemTime kNow(std::chrono::seconds(1'700'000'000));

class TaskStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = *fs::TempDir::Make();
    Open();
  }
  void Open() {
    store_.reset();
    auto store = SqliteTaskStore::Open(fs::Join(dir_.path(), "runs.db"));
    ASSERT_TRUE(store.ok()) << store.status().message();
    store_ = *std::move(store);
  }

  fs::TempDir dir_;
  std::unique_ptr<SqliteTaskStore> store_;
};

Task BuildTask(std::string name) {
  Task task;
  task.name = std::move(name);
  task::QuickBuild build;
  build.source_location = "https://git.example.com/org/app.git#main";
  build.image_names = {"app:{{.Run.ID}}"};
  build.arguments = {{.name = "TOKEN", .value = "", .secret = true}};
  task.step = build;
  task.timers = {{.name = "t1", .schedule = "0 2 * * *", .time_zone = "Europe/Berlin"}};
  SourceTrigger source;
  source.name = "defaultSourceTriggerName";
  source.branches = {"main"};
  source.paths = {"services/**"};
  source.cancel_previous = true;
  task.sources = {source};
  task.base_image = BaseImageTrigger{.name = "defaultBaseimageTriggerName"};
  task.logins = {{.server = "reg.example.com", .username = "ada"}};
  task.tags = {{"team", "core"}};
  task.sealed = std::string("\0sealed", 7);
  return task;
}

TEST_F(TaskStoreTest, ATaskIsKeptWithAllItHas) {
  const Task task = BuildTask("nightly");
  const auto created = store_->Create(task, kNow);
  ASSERT_TRUE(created.ok()) << created.status().message();
  Open();
  const auto read = store_->Get("NIGHTLY");
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(read->name, "nightly");
  EXPECT_EQ(read->etag, created->etag);
  EXPECT_EQ(read->create_time, kNow);
  EXPECT_EQ(read->timers, task.timers);
  EXPECT_EQ(read->sources, task.sources);
  EXPECT_EQ(read->base_image, task.base_image);
  EXPECT_EQ(read->logins, task.logins);
  EXPECT_EQ(read->tags, task.tags);
  EXPECT_EQ(read->sealed, task.sealed);
  const auto& build = std::get<task::QuickBuild>(read->step);
  EXPECT_EQ(build.source_location, "https://git.example.com/org/app.git#main");
  EXPECT_TRUE(build.arguments.at(0).secret);
  EXPECT_EQ(SourceOf(*read), build.source_location);
}

TEST_F(TaskStoreTest, TaskFilesAreKeptToo) {
  Task task = BuildTask("files");
  task::FileTask file;
  file.source_location = "/dev/null";
  file.file = "task";
  file.content = "steps: []\n";
  task.step = file;
  ASSERT_TRUE(store_->Create(task, kNow).ok());
  EXPECT_EQ(std::get<task::FileTask>(store_->Get("files")->step).content, "steps: []\n");
}

TEST_F(TaskStoreTest, NamesAreUniqueWhateverTheirCase) {
  ASSERT_TRUE(store_->Create(BuildTask("nightly"), kNow).ok());
  const auto again = store_->Create(BuildTask("Nightly"), kNow);
  EXPECT_EQ(again.code(), Code::kAlreadyExists);
  EXPECT_THAT(again.status().message(), HasSubstr("there is a task 'Nightly' already"));
  EXPECT_EQ(store_->Get("daily").code(), Code::kNotFound);
}

TEST_F(TaskStoreTest, AChangeOfAnOldStateIsRefused) {
  Task first = *store_->Create(BuildTask("nightly"), kNow);
  Task second = first;
  first.enabled = false;
  const auto changed = store_->Update(first, kNow + std::chrono::seconds(5));
  ASSERT_TRUE(changed.ok());
  EXPECT_NE(changed->etag, second.etag);
  EXPECT_EQ(store_->Update(second, kNow).code(), Code::kAborted);
  EXPECT_FALSE(store_->Get("nightly")->enabled);
  EXPECT_EQ(store_->Get("nightly")->update_time, kNow + std::chrono::seconds(5));
  EXPECT_EQ(store_->Delete("nightly", second.etag).code(), Code::kAborted);
  EXPECT_TRUE(store_->Delete("nightly", changed->etag).ok());
  EXPECT_EQ(store_->Delete("nightly", "").code(), Code::kNotFound);
  EXPECT_EQ(store_->Update(second, kNow).code(), Code::kNotFound);
}

TEST_F(TaskStoreTest, PagesByName) {
  for (const char* name : {"ccccc", "Aaaaa", "bbbbb"}) ASSERT_TRUE(store_->Create(BuildTask(name), kNow).ok());
  const auto first = store_->List(2, "");
  ASSERT_THAT(first->tasks, SizeIs(2));
  EXPECT_EQ(first->tasks[0].name, "Aaaaa");
  const auto second = store_->List(2, first->next_page_token);
  ASSERT_THAT(second->tasks, SizeIs(1));
  EXPECT_EQ(second->tasks[0].name, "ccccc");
  EXPECT_EQ(second->next_page_token, "");
  EXPECT_EQ(store_->List(2, "nonsense").code(), Code::kInvalidArgument);
}

TEST_F(TaskStoreTest, TimersAreForgottenWithTheirSchedule) {
  Task task = *store_->Create(BuildTask("nightly"), kNow);
  const TimerState state = {"nightly", "t1", TimerKey(task.timers[0]), kNow};
  ASSERT_TRUE(store_->SetTimer(state).ok());
  ASSERT_TRUE(store_->SetTimer({"nightly", "t1", TimerKey(task.timers[0]), kNow + std::chrono::hours(1)}).ok());
  ASSERT_THAT(*store_->Timers(), SizeIs(1));
  EXPECT_EQ(store_->Timers()->at(0).last_time, kNow + std::chrono::hours(1));
  task.tags["x"] = "y";
  task = *store_->Update(task, kNow);
  EXPECT_THAT(*store_->Timers(), SizeIs(1));
  task.timers[0].schedule = "0 3 * * *";
  task = *store_->Update(task, kNow);
  EXPECT_THAT(*store_->Timers(), IsEmpty());
  ASSERT_TRUE(store_->SetTimer(state).ok());
  ASSERT_TRUE(store_->Delete("nightly", "").ok());
  EXPECT_THAT(*store_->Timers(), IsEmpty());
}

TEST_F(TaskStoreTest, WhatATaskWasBuiltFrom) {
  const Image base = {.registry = "reg", .repository = "base", .tag = "1", .digest = "sha256:aa"};
  const Image tools = {.registry = "reg", .repository = "tools", .tag = "1", .digest = "sha256:bb"};
  Task task = *store_->Create(BuildTask("nightly"), kNow);
  Task other = BuildTask("other");
  other.base_image->enabled = false;
  ASSERT_TRUE(store_->Create(other, kNow).ok());
  for (const char* name : {"nightly", "other"}) {
    ASSERT_TRUE(store_->SetBases(name, {{base, true}, {tools, false}}).ok());
  }
  EXPECT_TRUE(store_->SetBases("gone", {{base, true}}).ok());
  const auto found = store_->BuiltFrom({.registry = "reg", .repository = "base", .tag = "1", .digest = "other"});
  ASSERT_THAT(*found, SizeIs(1)) << "the other's trigger is off";
  EXPECT_EQ(found->at(0).name, "nightly");
  EXPECT_THAT(found->at(0).bases, SizeIs(2));
  EXPECT_THAT(*store_->WatchedImages(), ElementsAre(base)) << "type Runtime";
  task.base_image->all_stages = true;
  task = *store_->Update(task, kNow);
  EXPECT_THAT(*store_->WatchedImages(), ElementsAre(base, tools));
  task.enabled = false;
  ASSERT_TRUE(store_->Update(task, kNow).ok());
  EXPECT_THAT(*store_->WatchedImages(), IsEmpty());
}

Delivery Pushed(std::string id) {
  Delivery out;
  out.task = "nightly";
  out.trigger = "t";
  out.sender = "github";
  out.sender_id = std::move(id);
  out.event = "push";
  out.receive_time = kNow;
  out.content = R"({"a":1})";
  return out;
}

TEST_F(TaskStoreTest, ADeliveryThatCameBeforeIsRepeated) {
  const Delivery first = *store_->AddDelivery(Pushed("x"));
  EXPECT_EQ(first.verdict, Verdict::kPending);
  EXPECT_EQ(store_->AddDelivery(Pushed("x"))->verdict, Verdict::kRepeated);
  EXPECT_EQ(store_->AddDelivery(Pushed("y"))->verdict, Verdict::kPending);
  Delivery other = Pushed("x");
  other.trigger = "u";
  EXPECT_EQ(store_->AddDelivery(other)->verdict, Verdict::kPending) << "another trigger";
  Delivery refused = Pushed("z");
  refused.verdict = Verdict::kRefused;
  ASSERT_TRUE(store_->AddDelivery(refused).ok());
  EXPECT_EQ(store_->AddDelivery(Pushed("z"))->verdict, Verdict::kPending) << "the first was not genuine";

  ASSERT_TRUE(store_->SetVerdict(first.number, Verdict::kRun, "push to 'main'", "ca1").ok());
  const Delivery read = *store_->GetDelivery(first.number);
  EXPECT_EQ(read.verdict, Verdict::kRun);
  EXPECT_EQ(read.run_id, "ca1");
  EXPECT_EQ(read.content, R"({"a":1})");
  EXPECT_EQ(store_->GetDelivery(99).code(), Code::kNotFound);
}

TEST_F(TaskStoreTest, ADeliveryThatLedToNoRunMayComeAgain) {
  for (const Verdict nothing : {Verdict::kSkipped, Verdict::kFailed}) {
    const std::string id(VerdictName(nothing));
    ASSERT_TRUE(store_->SetVerdict(store_->AddDelivery(Pushed(id))->number, nothing, "", "").ok());
    const Delivery again = *store_->AddDelivery(Pushed(id));
    EXPECT_EQ(again.verdict, Verdict::kPending) << id;
    EXPECT_EQ(store_->AddDelivery(Pushed(id))->verdict, Verdict::kRepeated) << "it is under way";
    ASSERT_TRUE(store_->SetVerdict(again.number, Verdict::kRun, "", "ca1").ok());
    EXPECT_EQ(store_->AddDelivery(Pushed(id))->verdict, Verdict::kRepeated) << "it has led to a run";
  }
}

TEST_F(TaskStoreTest, PendingDeliveriesOutliveARestart) {
  ASSERT_TRUE(store_->AddDelivery(Pushed("x")).ok());
  ASSERT_TRUE(store_->AddDelivery(Pushed("y")).ok());
  ASSERT_TRUE(store_->SetVerdict(1, Verdict::kSkipped, "", "").ok());
  Open();
  const auto pending = store_->PendingDeliveries();
  ASSERT_THAT(*pending, SizeIs(1));
  EXPECT_EQ(pending->at(0).sender_id, "y");
  EXPECT_EQ(pending->at(0).content, R"({"a":1})");
}

TEST_F(TaskStoreTest, DeliveriesArePagedAndForgotten) {
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(store_->AddDelivery(Pushed(std::to_string(i))).ok());
    ASSERT_TRUE(store_->SetVerdict(i + 1, Verdict::kSkipped, "", "").ok());
  }
  const auto first = store_->Deliveries("nightly", 3, "");
  ASSERT_THAT(first->deliveries, SizeIs(3));
  EXPECT_EQ(first->deliveries[0].number, 5);
  EXPECT_THAT(store_->Deliveries("nightly", 3, first->next_page_token)->deliveries, SizeIs(2));
  EXPECT_THAT(store_->Deliveries("other", 3, "")->deliveries, IsEmpty());
  EXPECT_THAT(store_->Deliveries("", 3, "")->deliveries, SizeIs(3));
  EXPECT_EQ(store_->Deliveries("", 3, "x").code(), Code::kInvalidArgument);
  EXPECT_EQ(*store_->ForgetDeliveries(kNow), 0);
  EXPECT_EQ(*store_->ForgetDeliveries(kNow + std::chrono::seconds(1)), 4) << "the newest keeps the count";
  EXPECT_EQ(store_->AddDelivery(Pushed("new"))->number, 6);
}

TEST(TaskNames, AreWords) {
  EXPECT_TRUE(IsTaskName("build-app_1"));
  for (const char* bad : {"", "abcd", "with space", "a/bcde", "\xc3\xa9t\xc3\xa9xx"})
    EXPECT_FALSE(IsTaskName(bad)) << bad;
  EXPECT_FALSE(IsTaskName(std::string(51, 'a')));
  EXPECT_EQ(ParseDeliveryId("d12"), 12);
  for (const char* bad : {"", "12", "d", "d0", "d-1", "d1x"}) EXPECT_EQ(ParseDeliveryId(bad), std::nullopt) << bad;
}

TEST(RunTrigger, IsReadAsItWasWritten) {
  RunTrigger trigger;
  trigger.kind = RunTrigger::Kind::kPullRequest;
  trigger.name = "t";
  trigger.commit = "abc";
  trigger.from_fork = true;
  trigger.occurrence = kNow;
  trigger.images = {{.registry = "r", .repository = "a", .tag = "1", .digest = "sha256:aa"}};
  trigger.ancestry = {"base", "middle"};
  EXPECT_EQ(*TriggerFromJson(TriggerToJson(trigger)), trigger);
  EXPECT_EQ(*TriggerFromJson(""), RunTrigger());
  EXPECT_EQ(TriggerFromJson("{}").code(), Code::kDataLoss);
  EXPECT_EQ(TriggerName(trigger.kind), "Pull Request");
}

}  // namespace
}  // namespace slipway::store
