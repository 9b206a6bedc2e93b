#include "daemon/tasks/base_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/daemon/tasks/bases_fixture.h"

namespace slipway::tasks {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class BaseWatchTest : public BasesFixture {
 protected:
  void TearDown() override { watch_.reset(); }

  void Open(std::chrono::seconds poll_interval = std::chrono::seconds(0)) {
    watch_.reset();
    watch_ = std::make_unique<BaseWatch>(Parts(),
                                         BaseWatchOptions{.poll_interval = poll_interval, .registry_token = "s3cret"});
    router_ = web::Router();
    watch_->AddRoutes(router_);
  }
  void Start() { ASSERT_TRUE(watch_->Start().ok()); }
  web::Response Post(const std::string& body, const std::string& token = "Bearer s3cret",
                     std::map<std::string, std::string> query = {}) {
    web::Request request;
    request.method = "POST";
    request.path = "/webhooks/registry";
    request.query = std::move(query);
    if (!token.empty()) request.headers["authorization"] = token;
    request.body = body;
    const web::Router::Match match = router_.Find(request.method, request.path);
    return match.handler != nullptr ? (*match.handler)(request) : web::Response{.status = 404};
  }
  static std::string Notification(const store::Image& image, const std::string& id = "e1") {
    return fmt::format(
        R"({{"events":[{{"id":"{}","action":"push","target":{{"repository":"{}","tag":"{}","digest":"{}"}},)"
        R"("request":{{"host":"{}"}}}}]}})",
        id, image.repository, image.tag, image.digest, image.registry);
  }
  std::vector<store::Run> WaitForQueued(size_t count) {
    while (Queued().size() < count) std::this_thread::yield();
    return Queued();
  }
  store::Delivery WaitForVerdict(const std::string& task) {
    while (true) {
      const auto deliveries = store_->Deliveries(task, 100, "")->deliveries;
      for (const store::Delivery& one : deliveries) {
        if (one.task == task && one.verdict != store::Verdict::kPending) return one;
      }
      std::this_thread::yield();
    }
  }

  std::unique_ptr<BaseWatch> watch_;
  web::Router router_;
};

TEST_F(BaseWatchTest, ANotificationStartsTheTasksThatStandOnTheImage) {
  Built(AddTask("app-one"), {Image("base", "1")}, "a");
  Open();
  Start();
  Push(Image("base", "2"));
  EXPECT_EQ(Post(Notification(Image("base", "2"))).status, 202);
  EXPECT_EQ(WaitForQueued(1).at(0).task, "app-one");
  const store::Delivery told = WaitForVerdict("");
  EXPECT_EQ(told.verdict, store::Verdict::kRun);
  EXPECT_EQ(told.sender, "registry");
  EXPECT_EQ(told.sender_id, "distribution e1");
  EXPECT_EQ(Queued().at(0).trigger.id, store::DeliveryId(told.number));
  EXPECT_EQ(WaitForVerdict("app-one").run_id, Queued().at(0).id);
  const web::Response again = Post(Notification(Image("base", "2")));
  EXPECT_EQ(again.status, 200);
  EXPECT_THAT(again.body, HasSubstr("it came before"));
}

TEST_F(BaseWatchTest, WhatConcernsNobodyIsNotStored) {
  Built(AddTask("app-one"), {Image("base", "1")}, "a");
  Open();
  EXPECT_EQ(Post(Notification(Image("other", "2"))).status, 200);
  EXPECT_EQ(Post("{\"events\":[]}").status, 200);
  EXPECT_THAT(store_->Deliveries("", 100, "")->deliveries, IsEmpty());
}

TEST_F(BaseWatchTest, WhatIsNotGenuineIsRefusedAndRecordedOnceASecond) {
  Open();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Post("no JSON", "Bearer wrong").status, 401);
  EXPECT_EQ(Post("{}", "").status, 401);
  const auto deliveries = store_->Deliveries("", 100, "")->deliveries;
  ASSERT_FALSE(deliveries.empty());
  EXPECT_LT(deliveries.size(), 21U);
  EXPECT_EQ(deliveries.back().verdict, store::Verdict::kRefused);
  EXPECT_EQ(Post("no JSON").status, 400);
  EXPECT_EQ(Post("{}").status, 400);
}

TEST_F(BaseWatchTest, TheAddressMaySayTokenAndRegistry) {
  Built(AddTask("app-one"), {Image("base", "1")}, "a");
  Open();
  Start();
  store::Image image = Image("base", "2");
  Push(image);
  image.registry = "registry:5000";  // as it calls itself
  EXPECT_EQ(Post(Notification(image), "", {{"token", "s3cret"}}).body, "no task stands on it\n");
  EXPECT_EQ(Post(Notification(image), "", {{"token", "s3cret"}, {"registry", "r.io"}}).status, 202);
  WaitForQueued(1);
}

TEST_F(BaseWatchTest, WhatWasTakenSurvivesACrash) {
  Built(AddTask("app-one"), {Image("base", "1")}, "a");
  Open();  // and is never started
  Push(Image("base", "2"));
  EXPECT_EQ(Post(Notification(Image("base", "2"))).status, 202);
  Open();
  Start();
  WaitForQueued(1);
  EXPECT_EQ(WaitForVerdict("").verdict, store::Verdict::kRun);
  Open();
  Start();
  watch_->Stop();
  EXPECT_THAT(Queued(), SizeIs(1));
}

TEST_F(BaseWatchTest, WhatRunsPushIsKnownAtOnceOrAtTheNextStart) {
  const store::Task base = AddTask("base");
  Built(base, {Image("os", "1")}, "1");
  Built(AddTask("app-one"), {Image("base", "1")}, "a");
  Open();
  Start();
  const store::Run run = Built(base, {Image("os", "1")}, "2");
  watch_->OnRun(*runs_->Get(run.id));
  const store::Run started = WaitForQueued(1).at(0);
  EXPECT_EQ(started.task, "app-one");
  EXPECT_THAT(started.trigger.ancestry, ElementsAre("base"));
  Finish(started.id, {Image("base", "2")}, {Image("app-one", "a2")});
  // The daemon dies before it looks.
  watch_->Stop();
  Built(base, {Image("os", "1")}, "3");
  Open();
  Start();
  WaitForQueued(1);
}

TEST_F(BaseWatchTest, TagsAreLookedUpOnceForAllTasks) {
  for (const char* name : {"app-one", "app-two", "app-three"}) Built(AddTask(name), {Image("base", "1")}, name);
  Push(Image("base", "2"));
  Open(std::chrono::seconds(1));
  Start();
  WaitForQueued(3);
  watch_->Stop();
  EXPECT_THAT(Queued(), SizeIs(3));
}

TEST_F(BaseWatchTest, AReplayedDeliveryIsJudgedAgain) {
  Built(AddTask("app-one"), {Image("base", "1")}, "a");
  Open();
  Start();
  Push(Image("base", "2"));
  Post(Notification(Image("base", "2")));
  WaitForQueued(1);
  const auto replayed = watch_->Replay(*store_->GetDelivery(WaitForVerdict("app-one").number));
  ASSERT_TRUE(replayed.ok()) << replayed.status().message();
  WaitForQueued(2);
}

}  // namespace
}  // namespace slipway::tasks
