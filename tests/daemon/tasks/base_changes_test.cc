#include "daemon/tasks/base_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/daemon/tasks/bases_fixture.h"

namespace slipway::tasks {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class BaseChangesTest : public BasesFixture {
 protected:
  int Judge(const store::Image& image, HeardFrom from = HeardFrom::kRegistry) {
    const auto started = BaseChanges(Parts()).Judge(Context::Background(), {.image = image, .from = from});
    EXPECT_TRUE(started.ok()) << started.status().message();
    return started.ok() ? *started : -1;
  }
  std::vector<store::Delivery> Deliveries(const std::string& task) {
    return store_->Deliveries(task, 100, "")->deliveries;
  }
};

TEST_F(BaseChangesTest, OneChangeMakesOneRunOfEachTask) {
  const store::Task app = AddTask("app-one");
  Built(app, {Image("base", "1")}, "app");
  Built(AddTask("app-two"), {Image("base", "1")}, "two");
  Built(AddTask("other"), {Image("else", "1")}, "other");
  Push(Image("base", "2"));
  EXPECT_EQ(Judge(Image("base", "2")), 2);
  EXPECT_THAT(QueuedTasks(), UnorderedElementsAre("app-one", "app-two"));
  EXPECT_THAT(*told_.Lock(), UnorderedElementsAre("app-one", "app-two"));
  const store::RunTrigger trigger = Queued().back().trigger;
  EXPECT_EQ(trigger.kind, store::RunTrigger::Kind::kImageUpdate);
  EXPECT_EQ(trigger.name, "base");
  ASSERT_THAT(trigger.images, SizeIs(1));
  EXPECT_EQ(trigger.images[0].digest, Digest::Of("2").ToString());
  // Told again, and looked up besides.
  EXPECT_EQ(Judge(Image("base", "2")), 0);
  EXPECT_EQ(Judge(Image("base", "2"), HeardFrom::kLookup), 0);
  EXPECT_THAT(*told_.Lock(), SizeIs(2));
  const std::vector<store::Delivery> deliveries = Deliveries("app-one");
  ASSERT_THAT(deliveries, SizeIs(1));
  EXPECT_EQ(deliveries[0].verdict, store::Verdict::kRun);
  EXPECT_EQ(deliveries[0].sender, "registry");
  EXPECT_EQ(deliveries[0].reference, "r.io/base:1");
  EXPECT_FALSE(deliveries[0].run_id.empty());
}

TEST_F(BaseChangesTest, TheSameDigestAndOtherTagsChangeNothing) {
  Built(AddTask("app-one"), {Image("base", "1")}, "app");
  Push(Image("base", "1"));
  EXPECT_EQ(Judge(Image("base", "1")), 0);
  store::Image other = Image("base", "2");
  other.tag = "2";
  EXPECT_EQ(Judge(other), 0);
  EXPECT_EQ(lookups_, 1) << "an image that nobody stands on is not looked up";
  EXPECT_THAT(Queued(), IsEmpty());
}

TEST_F(BaseChangesTest, WhatTheTagStandsForCountsNotWhatIsTold) {
  Built(AddTask("app-one"), {Image("base", "1")}, "app");
  Push(Image("base", "3"));
  EXPECT_EQ(Judge(Image("base")), 1) << "Docker Hub says no digest";
  EXPECT_EQ(Queued().at(0).trigger.images.at(0).digest, Digest::Of("3").ToString());
  EXPECT_EQ(Judge(Image("base", "2")), 0) << "late: it is 3 by now";
  EXPECT_THAT(Queued(), SizeIs(1));
  // Where the registry does not answer, what is told counts; without a digest there is nothing to go by.
  lookup_status_ = Unavailable("no answer");
  EXPECT_EQ(Judge(Image("base", "4")), 1);
  EXPECT_EQ(
      BaseChanges(Parts()).Judge(Context::Background(), {.image = Image("base"), .from = HeardFrom::kRegistry}).code(),
      Code::kUnavailable);
}

TEST_F(BaseChangesTest, ImagesOfBuildStagesCountForTypeAll) {
  Built(AddTask("runtime"), {Image("base", "1"), Image("tool", "1")}, "a");
  Built(AddTask("all-stages", /*all_stages=*/true), {Image("base", "1"), Image("tool", "1")}, "b");
  Push(Image("tool", "2"));
  EXPECT_EQ(Judge(Image("tool", "2")), 1);
  EXPECT_THAT(QueuedTasks(), ElementsAre("all-stages"));
}

TEST_F(BaseChangesTest, DisabledTasksAndTriggersStartNothing) {
  store::Task off = AddTask("task-off");
  Built(off, {Image("base", "1")}, "a");
  off = *store_->Get("task-off");
  off.enabled = false;
  ASSERT_TRUE(store_->Update(off, Clock::Real().System()).ok());
  Built(AddTask("trigger-off"), {Image("base", "1")}, "b");
  store::Task trigger_off = *store_->Get("trigger-off");
  trigger_off.base_image->enabled = false;
  ASSERT_TRUE(store_->Update(trigger_off, Clock::Real().System()).ok());
  Push(Image("base", "2"));
  EXPECT_EQ(Judge(Image("base", "2")), 0);
}

TEST_F(BaseChangesTest, AFailedRunIsNotTriedAgainForTheSameChange) {
  Built(AddTask("app-one"), {Image("base", "1")}, "app");
  Push(Image("base", "2"));
  EXPECT_EQ(Judge(Image("base", "2")), 1);
  const std::string id = Queued().at(0).id;
  ASSERT_TRUE(runs_->RequestCancel(id, Clock::Real().System()).ok());
  EXPECT_EQ(Judge(Image("base", "2"), HeardFrom::kLookup), 0);
  // The next change is another one.
  Push(Image("base", "3"));
  EXPECT_EQ(Judge(Image("base", "3")), 1);
}

TEST_F(BaseChangesTest, BackAndForthIsTwoChanges) {
  Built(AddTask("app-one"), {Image("base", "1")}, "a1");
  for (const char* content : {"2", "1", "2", "1"}) {
    Push(Image("base", content));
    ASSERT_EQ(Judge(Image("base", content)), 1) << content;
    Finish(Queued().at(0).id, {Image("base", content)}, {Image("app-one", std::string("app on ") + content)});
  }
}

TEST_F(BaseChangesTest, AChainGoesOnFromWhatRunsHavePushed) {
  Built(AddTask("middle"), {Image("base", "1")}, "middle on 1");
  Built(AddTask("app-one"), {Image("middle", "middle on 1")}, "app on 1");
  Push(Image("base", "2"));
  EXPECT_EQ(Judge(Image("base", "2")), 1);
  EXPECT_THAT(QueuedTasks(), ElementsAre("middle"));
  Finish(Queued().at(0).id, {Image("base", "2")}, {Image("middle", "middle on 2")});
  EXPECT_EQ(Judge(Image("middle", "middle on 2"), HeardFrom::kRun), 1);
  ASSERT_THAT(QueuedTasks(), ElementsAre("app-one"));
  EXPECT_THAT(Queued().at(0).trigger.ancestry, ElementsAre("middle"));
  // The registry tells of the same push.
  EXPECT_EQ(Judge(Image("middle", "middle on 2"), HeardFrom::kRegistry), 0);
}

TEST_F(BaseChangesTest, ACycleGoesRoundOnce) {
  Built(AddTask("chicken"), {Image("egg", "egg 0")}, "chicken 0");
  Built(AddTask("the-egg"), {Image("chicken", "chicken 0")}, "the egg 0");
  // Somebody pushes an egg by hand.
  Push(Image("egg", "egg by hand"));
  EXPECT_EQ(Judge(Image("egg", "egg by hand")), 1);
  Finish(Queued().at(0).id, {Image("egg", "egg by hand")}, {Image("chicken", "chicken 1")});
  EXPECT_EQ(Judge(Image("chicken", "chicken 1"), HeardFrom::kRun), 1);
  ASSERT_THAT(QueuedTasks(), ElementsAre("the-egg"));
  EXPECT_THAT(Queued().at(0).trigger.ancestry, ElementsAre("chicken"));
  Finish(Queued().at(0).id, {Image("chicken", "chicken 1")}, {Image("egg", "egg 1")});
  // However it is heard of: it came of the chicken's own run.
  EXPECT_EQ(Judge(Image("egg", "egg 1"), HeardFrom::kRun), 0);
  EXPECT_EQ(Judge(Image("egg", "egg 1"), HeardFrom::kRegistry), 0);
  EXPECT_EQ(Judge(Image("egg", "egg 1"), HeardFrom::kLookup), 0);
  EXPECT_THAT(Queued(), IsEmpty());
  EXPECT_EQ(Deliveries("chicken").at(0).verdict, store::Verdict::kSkipped);
  EXPECT_THAT(Deliveries("chicken").at(0).reason, HasSubstr("chicken -> the-egg"));
}

TEST_F(BaseChangesTest, ATaskDoesNotStartItself) {
  // Its image stands on the last one: from r.io/growing:1.
  Built(AddTask("growing"), {Image("growing", "0")}, "1");
  EXPECT_EQ(Judge(Image("growing", "1"), HeardFrom::kRun), 0);
  EXPECT_THAT(Queued(), IsEmpty());
}

TEST_F(BaseChangesTest, AReplayRunsAgain) {
  Built(AddTask("app-one"), {Image("base", "1")}, "a1");
  Push(Image("base", "2"));
  EXPECT_EQ(Judge(Image("base", "2")), 1);
  const auto again = BaseChanges(Parts()).Judge(
      Context::Background(), {.image = Image("base", "2"), .from = HeardFrom::kReplay, .delivery = "d7"});
  EXPECT_EQ(*again, 1);
  EXPECT_THAT(Queued(), SizeIs(2));
}

TEST_F(BaseChangesTest, TheUpdateTokenGoesOnWithTheRuns) {
  const store::Task task = AddTask("app-one");
  const store::CreatedRun first =
      *runs_->Create({.task = task.name, .trigger = {.update_token = "t0ken"}, .now = Clock::Real().System()});
  Finish(first.run.id, {Image("base", "1")}, {Image("app-one", "a")});
  Push(Image("base", "2"));
  EXPECT_EQ(Judge(Image("base", "2")), 1);
  EXPECT_EQ(Queued().at(0).trigger.update_token, "t0ken");
}

TEST_F(BaseChangesTest, WhatIsStoredOfAChangeIsReadAgain) {
  const std::vector<store::Image> images = {Image("base", "1"), Image("tool")};
  EXPECT_EQ(*ChangesFromJson(ChangesToJson(images)), images);
  for (const char* bad : {"", "{}x", "[1]", "[{}]"}) EXPECT_EQ(ChangesFromJson(bad).code(), Code::kDataLoss) << bad;
}

}  // namespace
}  // namespace slipway::tasks
