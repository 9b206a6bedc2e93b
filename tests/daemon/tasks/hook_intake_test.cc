#include "daemon/tasks/hook_intake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

#include "daemon/secrets/hmac.h"
#include "tests/daemon/tasks/tasks_fixture.h"

namespace slipway::tasks {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr const char* kTip = "1481a2de7b2a7d02428ad93446ab166be7793fbb";

std::string Hmac(const std::string& body, const std::string& secret) {
  return "sha256=" + secrets::HmacHex(body, secret);
}

struct Start {
  store::RunTrigger trigger;
  bool with_secrets = false;
  std::string request_id;
};

class HookIntakeTest : public TasksFixture {
 protected:
  void SetUp() override {
    TasksFixture::SetUp();
    ASSERT_TRUE(store_->Create(HookedTask(), Clock::Real().System()).ok());
  }

  std::unique_ptr<HookIntake> Intake() {
    HookIntake::Parts parts{
        .tasks = *store_,
        .sealer = *sealer_,
        .clock = Clock::Real(),
        .start_run = [this](const store::Task&, const store::RunTrigger& trigger, bool with_secrets,
                            const std::string& request_id) -> Result<std::string> {
          const std::lock_guard lock(mutex_);
          if (failures_-- > 0) return ResourceExhausted("the queue is full");
          starts_.push_back({trigger, with_secrets, request_id});
          return "ca" + std::to_string(starts_.size());
        },
        .cancel_older =
            [this](const store::Task&, const store::RunTrigger&, const std::string& except) {
              const std::lock_guard lock(mutex_);
              cancelled_before_.push_back(except);
            },
        .changed_paths = [this](const Context&, const store::Task&, const std::string&, const std::string& before,
                                const std::string&) -> Result<std::vector<std::string>> {
          const std::lock_guard lock(mutex_);
          compared_with_ = before;
          return changed_;
        },
        .first_pause = std::chrono::milliseconds(1)};
    auto intake = std::make_unique<HookIntake>(std::move(parts));
    intake->AddRoutes(router_);
    return intake;
  }

  static std::string Fixture(const std::string& name) {
    return *fs::ReadFile(std::string(SLIPWAY_TEST_DATA) + "/webhooks/" + name + ".json");
  }

  web::Response Deliver(const std::string& body, const std::string& event, const std::string& id,
                        const std::string& signature, const std::string& path = "/webhooks/git/hooked/t") {
    return Send(body, {{"x-github-event", event}, {"x-github-delivery", id}, {"x-hub-signature-256", signature}}, path);
  }
  web::Response Send(const std::string& body, const std::map<std::string, std::string>& headers,
                     const std::string& path = "/webhooks/git/hooked/t") {
    web::Request request;
    request.method = "POST";
    request.path = path;
    request.body = body;
    for (const auto& [name, value] : headers) request.headers[name] = value;
    const web::Router::Match match = router_.Find("POST", path);
    if (match.handler == nullptr) return web::TextResponse(404, "");
    request.params = match.params;
    return (*match.handler)(request);
  }
  web::Response Push(const std::string& name, const std::string& id, const std::string& event = "push") {
    const std::string body = Fixture(name);
    return Deliver(body, event, id, Hmac(body, "s3cret"));
  }

  // Waits until nothing is pending any more.
  std::vector<store::Delivery> Settled() {
    while (true) {
      if (store_->PendingDeliveries()->empty()) return store_->Deliveries("", 100, "")->deliveries;
      std::this_thread::yield();
    }
  }

  web::Router router_;
  std::mutex mutex_;
  std::vector<Start> starts_;
  std::vector<std::string> cancelled_before_;
  int failures_ = 0;  // of the next starts
  Result<std::vector<std::string>> changed_ = std::vector<std::string>();
  std::string compared_with_;
};

TEST_F(HookIntakeTest, APushLeadsToOneRunOfItsTip) {
  const auto intake = Intake();
  ASSERT_TRUE(intake->Start().ok());
  EXPECT_EQ(Push("github_push", "one").status, 202);
  EXPECT_EQ(Push("github_push", "one").status, 200) << "a redelivery";
  const auto deliveries = Settled();
  ASSERT_THAT(deliveries, SizeIs(2));
  EXPECT_EQ(deliveries[0].verdict, store::Verdict::kRepeated);
  EXPECT_EQ(deliveries[1].verdict, store::Verdict::kRun);
  EXPECT_EQ(deliveries[1].run_id, "ca1");
  EXPECT_EQ(deliveries[1].revision, kTip);
  ASSERT_THAT(starts_, SizeIs(1));
  EXPECT_EQ(starts_[0].trigger.commit, kTip);
  EXPECT_EQ(starts_[0].trigger.branch, "main");
  EXPECT_EQ(starts_[0].request_id, "delivery:1");
  EXPECT_TRUE(starts_[0].with_secrets);
}

TEST_F(HookIntakeTest, EachRefOfAPushIsJudgedByItself) {
  store::Task task = *store_->Get("hooked");
  std::get<task::QuickBuild>(task.step).source_location = "https://bitbucket.example.org/org/app#main";
  ASSERT_TRUE(store_->Update(task, Clock::Real().System()).ok());
  const auto intake = Intake();
  ASSERT_TRUE(intake->Start().ok());
  // As of `git push origin dev main`.
  std::string body = Fixture("bitbucket_push");
  const std::string deletion = "\"new\": null";
  body.replace(body.find(deletion), deletion.size(),
               fmt::format(R"("new": {{"type": "branch", "name": "dev", "target": {{"hash": "{}"}}}})", kTip));
  const std::map<std::string, std::string> headers = {
      {"x-event-key", "repo:push"}, {"x-request-uuid", "one"}, {"x-hub-signature", Hmac(body, "s3cret")}};
  EXPECT_EQ(Send(body, headers).body, "taken as d1, d2\n");
  auto deliveries = Settled();
  ASSERT_THAT(deliveries, SizeIs(2));
  EXPECT_EQ(deliveries[1].reference, "dev");
  EXPECT_EQ(deliveries[1].verdict, store::Verdict::kSkipped);
  EXPECT_EQ(deliveries[0].reference, "main");
  EXPECT_EQ(deliveries[0].verdict, store::Verdict::kRun);
  ASSERT_THAT(starts_, SizeIs(1));
  EXPECT_EQ(starts_[0].trigger.branch, "main");
  Send(body, headers);
  Settled();
  EXPECT_THAT(starts_, SizeIs(1)) << "what came before is known for each ref";
}

TEST_F(HookIntakeTest, WhatIsNotGenuineStartsNothing) {
  const auto intake = Intake();
  ASSERT_TRUE(intake->Start().ok());
  const std::string body = Fixture("github_push");
  EXPECT_EQ(Deliver(body, "push", "x", Hmac(body, "guess")).status, 401);
  EXPECT_EQ(Deliver(body, "push", "x", "").status, 401);
  EXPECT_EQ(Deliver("{", "push", "x", Hmac("{", "s3cret")).status, 400);
  EXPECT_EQ(Deliver(body, "push", "x", Hmac(body, "s3cret"), "/webhooks/git/nobody/t").status, 404);
  EXPECT_EQ(Deliver(body, "push", "x", Hmac(body, "s3cret"), "/webhooks/git/hooked/u").status, 404);
  const auto deliveries = Settled();
  ASSERT_THAT(deliveries, SizeIs(1)) << "of a flood, one a second is stored";
  EXPECT_EQ(deliveries[0].verdict, store::Verdict::kRefused);
  EXPECT_THAT(starts_, SizeIs(0));
  EXPECT_EQ(intake->Replay(deliveries[0].number).code(), Code::kFailedPrecondition);
  EXPECT_EQ(Push("github_push", "x").status, 202) << "the refused one does not count as having come";
}

TEST_F(HookIntakeTest, WhatIsForNobodyIsKnownBeforeItsBody) {
  const auto intake = Intake();
  const auto refusal = [this](const std::string& path) {
    const web::Router::Match match = router_.Find("POST", path);
    web::Request request;
    request.params = match.params;
    const std::optional<web::Response> out = (*match.check)(request);
    return out ? out->status : 0;
  };
  EXPECT_EQ(refusal("/webhooks/git/hooked"), 0);
  EXPECT_EQ(refusal("/webhooks/git/hooked/t"), 0);
  EXPECT_EQ(refusal("/webhooks/git/hooked/u"), 404);
  EXPECT_EQ(refusal("/webhooks/git/nobody"), 404);
}

TEST_F(HookIntakeTest, WhatTheTriggerDoesNotWantIsSkippedWithItsReason) {
  const auto intake = Intake();
  ASSERT_TRUE(intake->Start().ok());
  EXPECT_EQ(Push("github_tag", "1").status, 202);
  EXPECT_EQ(Push("github_pull_request_labeled", "2", "pull_request").status, 200) << "hosts mind being refused";
  EXPECT_EQ(Push("github_ping", "3", "ping").status, 200);
  for (const store::Delivery& delivery : Settled()) {
    EXPECT_EQ(delivery.verdict, store::Verdict::kSkipped);
    EXPECT_FALSE(delivery.reason.empty());
  }
  EXPECT_THAT(starts_, SizeIs(0));
}

TEST_F(HookIntakeTest, ATriggerWithoutBranchesIsForThatOfTheSource) {
  store::Task task = *store_->Get("hooked");
  task.sources[0].branches.clear();
  std::get<task::QuickBuild>(task.step).source_location = "https://github.example.com/org/app.git#release:service";
  task = *store_->Update(task, Clock::Real().System());
  const auto intake = Intake();
  ASSERT_TRUE(intake->Start().ok());
  ASSERT_EQ(Push("github_push", "1").status, 202);
  EXPECT_THAT(Settled().at(0).reason, HasSubstr("the trigger is not for branch 'main'"));
  std::get<task::QuickBuild>(task.step).source_location = "https://github.example.com/org/app.git";
  ASSERT_TRUE(store_->Update(task, Clock::Real().System()).ok());
  ASSERT_EQ(Push("github_push", "2").status, 202);
  EXPECT_EQ(Settled().at(0).verdict, store::Verdict::kRun);
}

TEST_F(HookIntakeTest, AForkGetsNoSecrets) {
  const auto intake = Intake();
  ASSERT_TRUE(intake->Start().ok());
  ASSERT_EQ(Push("github_pull_request_fork", "1", "pull_request").status, 202);
  Settled();
  ASSERT_THAT(starts_, SizeIs(1));
  EXPECT_FALSE(starts_[0].with_secrets);
  EXPECT_TRUE(starts_[0].trigger.from_fork);
  EXPECT_EQ(starts_[0].trigger.pull_request, "7");
}

TEST_F(HookIntakeTest, ADeliveryOutlivesTheDaemon) {
  {
    const auto dies = Intake();  // it answers, and dies before it has judged
    ASSERT_EQ(Push("github_push", "one").status, 202);
  }
  OpenStore();
  router_ = web::Router();
  const auto intake = Intake();
  ASSERT_TRUE(intake->Start().ok());
  EXPECT_EQ(Settled().at(0).verdict, store::Verdict::kRun);
  EXPECT_THAT(starts_, SizeIs(1));
}

TEST_F(HookIntakeTest, AReplayIsJudgedAsItIsNow) {
  const auto intake = Intake();
  ASSERT_TRUE(intake->Start().ok());
  store::Task task = *store_->Get("hooked");
  task.enabled = false;
  task = *store_->Update(task, Clock::Real().System());
  ASSERT_EQ(Push("github_push", "one").status, 202);
  const auto skipped = Settled();
  EXPECT_THAT(skipped.at(0).reason, HasSubstr("the task is disabled"));
  task.enabled = true;
  ASSERT_TRUE(store_->Update(task, Clock::Real().System()).ok());
  ASSERT_TRUE(intake->Replay(skipped.at(0).number).ok());
  EXPECT_EQ(Settled().at(0).verdict, store::Verdict::kRun);
}

TEST_F(HookIntakeTest, WhatWasSkippedIsJudgedAnewWhenTheHostSendsItAgain) {
  const auto intake = Intake();
  ASSERT_TRUE(intake->Start().ok());
  store::Task task = *store_->Get("hooked");
  task.enabled = false;
  task = *store_->Update(task, Clock::Real().System());
  ASSERT_EQ(Push("github_push", "one").status, 202);
  ASSERT_EQ(Settled().at(0).verdict, store::Verdict::kSkipped);
  task.enabled = true;
  ASSERT_TRUE(store_->Update(task, Clock::Real().System()).ok());
  EXPECT_EQ(Push("github_push", "one").status, 202);
  EXPECT_EQ(Settled().at(0).verdict, store::Verdict::kRun);
  EXPECT_EQ(Push("github_push", "one").status, 200);
  Settled();
  EXPECT_THAT(starts_, SizeIs(1));
}

TEST_F(HookIntakeTest, PathsThatThePayloadLacksAreAskedFor) {
  store::Task task = *store_->Get("hooked");
  task.sources[0].paths = {"services/**"};
  task.sources[0].cancel_previous = true;
  ASSERT_TRUE(store_->Update(task, Clock::Real().System()).ok());
  const auto intake = Intake();
  ASSERT_TRUE(intake->Start().ok());
  std::string body = Fixture("github_push");
  body.replace(body.find("\"forced\": false"), 15, "\"forced\": true ");
  changed_ = std::vector<std::string>{"docs/x.md"};
  ASSERT_EQ(Deliver(body, "push", "1", Hmac(body, "s3cret")).status, 202);
  EXPECT_EQ(Settled().at(0).verdict, store::Verdict::kSkipped);
  EXPECT_EQ(compared_with_, "6113728f27ae82c7b1a177c8d03f9e96e0adf246");
  changed_ = std::vector<std::string>{"services/api/x.go"};
  ASSERT_EQ(Deliver(body, "push", "2", Hmac(body, "s3cret")).status, 202);
  EXPECT_EQ(Settled().at(0).verdict, store::Verdict::kRun);
  EXPECT_THAT(cancelled_before_, SizeIs(1));
}

TEST_F(HookIntakeTest, PathsOfAPullRequestAreAgainstItsTargetAndThoseOfANewBranchAgainstTheDefaultOne) {
  store::Task task = *store_->Get("hooked");
  task.sources[0].paths = {"services/**"};
  task.sources[0].branches = {};
  ASSERT_TRUE(store_->Update(task, Clock::Real().System()).ok());
  const auto intake = Intake();
  ASSERT_TRUE(intake->Start().ok());
  ASSERT_EQ(Push("github_pull_request", "1", "pull_request").status, 202);
  EXPECT_EQ(Settled().at(0).verdict, store::Verdict::kSkipped);
  EXPECT_EQ(compared_with_, "refs/heads/main");
  std::string body = Fixture("github_push");
  body.replace(body.find("6113728f27ae82c7b1a177c8d03f9e96e0adf246"), 40, std::string(40, '0'));
  compared_with_ = "nothing";
  ASSERT_EQ(Deliver(body, "push", "2", Hmac(body, "s3cret")).status, 202);
  Settled();
  EXPECT_EQ(compared_with_, "");
}

TEST_F(HookIntakeTest, WhatNobodyCanTellTheChangesOfIsBuilt) {
  store::Task task = *store_->Get("hooked");
  task.sources[0].paths = {"services/**"};
  ASSERT_TRUE(store_->Update(task, Clock::Real().System()).ok());
  const auto intake = Intake();
  ASSERT_TRUE(intake->Start().ok());
  changed_ = NotFound("no such commit");
  ASSERT_EQ(Push("github_pull_request", "1", "pull_request").status, 202);
  const store::Delivery delivery = Settled().at(0);
  EXPECT_EQ(delivery.verdict, store::Verdict::kRun);
  EXPECT_THAT(delivery.reason, HasSubstr("no such commit"));
}

TEST_F(HookIntakeTest, AnotherRepositoryIsToldAtOnce) {
  const auto intake = Intake();
  ASSERT_TRUE(intake->Start().ok());
  std::string body = Fixture("github_push");
  for (size_t at = 0; (at = body.find("org/app", at)) != std::string::npos;) body.replace(at, 7, "org/not");
  const web::Response answer = Deliver(body, "push", "1", Hmac(body, "s3cret"));
  EXPECT_EQ(answer.status, 422);
  EXPECT_THAT(answer.body, HasSubstr("another repository than 'https://github.example.com/org/app.git"));
  EXPECT_EQ(Settled().at(0).verdict, store::Verdict::kSkipped);
  EXPECT_THAT(starts_, SizeIs(0));
}

// Statuses go where the run's trigger says, with the task's token.
TEST_F(HookIntakeTest, WhereTheRepositoryIsTheTaskSaysAndNotTheSender) {
  const auto intake = Intake();
  ASSERT_TRUE(intake->Start().ok());
  std::string body = Fixture("github_push");
  const std::string clone_url = R"("clone_url": "https://github.example.com/org/app.git")";
  for (size_t at = 0; (at = body.find(clone_url, at)) != std::string::npos;) {
    body.replace(at, clone_url.size(), R"("clone_url": "https://evil.example.com/org/app.git")");
  }
  ASSERT_THAT(body, HasSubstr("evil.example.com"));
  ASSERT_EQ(Deliver(body, "push", "1", Hmac(body, "s3cret")).status, 202);
  Settled();
  store::Task task = *store_->Get("hooked");
  task.sources[0].repository_url = "git@github.example.com:org/app.git";
  ASSERT_TRUE(store_->Update(task, Clock::Real().System()).ok());
  ASSERT_EQ(Deliver(body, "push", "2", Hmac(body, "s3cret")).status, 202);
  Settled();
  ASSERT_THAT(starts_, SizeIs(2));
  for (const Start& start : starts_) {
    EXPECT_EQ(start.trigger.repository_url, "https://github.example.com/org/app.git");
  }
}

TEST_F(HookIntakeTest, TheRepositoryOfARunIsWithoutThePasswordOfItsSource) {
  store::Task task = *store_->Get("hooked");
  std::get<task::QuickBuild>(task.step).source_location = "https://ada:hush@github.example.com/org/app.git#main";
  ASSERT_TRUE(store_->Update(task, Clock::Real().System()).ok());
  const auto intake = Intake();
  ASSERT_TRUE(intake->Start().ok());
  ASSERT_EQ(Push("github_push", "1").status, 202);
  Settled();
  ASSERT_THAT(starts_, SizeIs(1));
  EXPECT_EQ(starts_[0].trigger.repository_url, "https://github.example.com/org/app.git");
}

TEST_F(HookIntakeTest, WhatFailsForNowIsTriedAgainBeforeLaterOnes) {
  failures_ = 3;
  const auto intake = Intake();
  ASSERT_EQ(Push("github_push", "one").status, 202);
  ASSERT_EQ(Push("github_push", "two").status, 202);
  ASSERT_TRUE(intake->Start().ok());
  for (const store::Delivery& delivery : Settled()) EXPECT_EQ(delivery.verdict, store::Verdict::kRun);
  ASSERT_THAT(starts_, SizeIs(2));
  EXPECT_EQ(starts_[0].request_id, "delivery:1");
  EXPECT_EQ(starts_[1].request_id, "delivery:2");
}

TEST_F(HookIntakeTest, WhatFailsForLongIsFailed) {
  failures_ = 1000;
  const auto intake = Intake();
  ASSERT_TRUE(intake->Start().ok());
  ASSERT_EQ(Push("github_push", "one").status, 202);
  const store::Delivery delivery = Settled().at(0);
  EXPECT_EQ(delivery.verdict, store::Verdict::kFailed);
  EXPECT_THAT(delivery.reason, HasSubstr("the queue is full"));
}

}  // namespace
}  // namespace slipway::tasks
