#include "daemon/agents/agent_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <optional>

namespace slipway::agents {
namespace {

using ::testing::HasSubstr;

Context Soon() { return Context::Background().WithTimeout(std::chrono::seconds(20), "the test"); }

// Answers at once with "id:message", or keeps its questions.
class Client : public AgentClient {
 public:
  Client(AgentHub& hub, std::string run_id, bool answers) : hub_(hub), run_id_(std::move(run_id)), answers_(answers) {}

  void Ask(const Question& question) override {
    if (answers_) return hub_.Answer(run_id_, question.number, question.id + ":" + question.message);
    const std::lock_guard lock(mutex_);
    held_ = question;
    changed_.notify_all();
  }
  void End(const Status& why) override {
    const std::lock_guard lock(mutex_);
    ended_ = why;
  }

  Question WaitForQuestion() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(Soon().Wait(lock, changed_, [this] { return held_.has_value(); }).ok());
    return held_.value_or(Question());
  }
  std::optional<Status> ended() const {
    const std::lock_guard lock(mutex_);
    return ended_;
  }

 private:
  AgentHub& hub_;
  const std::string run_id_;
  const bool answers_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<Question> held_;
  std::optional<Status> ended_;
};

class AgentHubTest : public ::testing::Test {
 protected:
  std::shared_ptr<Client> Attach(bool answers, const std::string& run_id = "ca1") {
    auto client = std::make_shared<Client>(hub_, run_id, answers);
    attachment_ = hub_.Attach(run_id, client);
    return client;
  }
  std::future<Result<std::string>> AskLater(const std::shared_ptr<AgentChannel>& channel) {
    return std::async(std::launch::async, [channel] { return channel->Ask(Soon(), "default", "q"); });
  }

  AgentHub hub_{std::chrono::seconds(20)};
  uint64_t attachment_ = 0;
};

TEST_F(AgentHubTest, AQuestionIsAnsweredByTheClientOfTheRun) {
  const auto channel = hub_.Open("ca1");
  Attach(true);
  Attach(true, "ca2");
  EXPECT_EQ(*channel->Ask(Soon(), "default", "hello"), "default:hello");
}

TEST_F(AgentHubTest, AClientMayComeFirst) {
  Attach(true);
  EXPECT_EQ(*hub_.Open("ca1")->Ask(Soon(), "a", "b"), "a:b");
}

TEST_F(AgentHubTest, AQuestionWaitsForAClientThatIsOnItsWay) {
  auto answer = AskLater(hub_.Open("ca1"));
  Attach(true);
  EXPECT_EQ(*answer.get(), "default:q");
}

TEST_F(AgentHubTest, WithoutAClientAQuestionFails) {
  AgentHub hub(std::chrono::milliseconds(1));
  const auto answer = hub.Open("ca1")->Ask(Soon(), "mine", "q");
  EXPECT_EQ(answer.code(), Code::kUnavailable);
  EXPECT_THAT(answer.status().message(), HasSubstr("SSH agent 'mine' cannot be reached"));
}

TEST_F(AgentHubTest, AClientThatGoesFailsWhatItWasAsked) {
  auto answer = AskLater(hub_.Open("ca1"));
  Attach(false)->WaitForQuestion();
  hub_.Detach("ca1", attachment_);
  EXPECT_THAT(answer.get().status().message(), HasSubstr("has gone"));
}

TEST_F(AgentHubTest, TheNewestClientTakesOver) {
  auto first_answer = AskLater(hub_.Open("ca1"));
  const auto first = Attach(false);
  const uint64_t first_attachment = attachment_;
  first->WaitForQuestion();
  Attach(true);
  EXPECT_EQ(first->ended()->code(), Code::kAborted);
  EXPECT_EQ(first_answer.get().code(), Code::kUnavailable);
  hub_.Detach("ca1", first_attachment);  // says nothing about the newer one
  EXPECT_EQ(*hub_.Open("ca1")->Ask(Soon(), "default", "q"), "default:q");
}

TEST_F(AgentHubTest, TheEndOfTheRunEndsAll) {
  const auto channel = hub_.Open("ca1");
  auto answer = AskLater(channel);
  const auto client = Attach(false);
  client->WaitForQuestion();
  hub_.Close("ca1");
  EXPECT_TRUE(client->ended()->ok());
  EXPECT_FALSE(answer.get().ok());
  EXPECT_FALSE(channel->Ask(Soon(), "default", "late").ok());
}

TEST_F(AgentHubTest, ACancelledQuestionEnds) {
  const auto channel = hub_.Open("ca1");
  const Context ctx = Context::Background().Child();
  auto answer = std::async(std::launch::async, [&] { return channel->Ask(ctx, "default", "q"); });
  const auto client = Attach(false);
  const Question question = client->WaitForQuestion();
  ctx.Cancel(Cancelled("canceled by request"));
  EXPECT_EQ(answer.get().status().message(), "canceled by request");
  hub_.Answer("ca1", question.number, std::string("too late"));
}

TEST_F(AgentHubTest, AStopEndsTheClients) {
  const auto client = Attach(true);
  hub_.EndAll(Unavailable("the daemon is stopping"));
  EXPECT_EQ(client->ended()->code(), Code::kUnavailable);
  EXPECT_EQ(Attach(true)->ended()->code(), Code::kUnavailable) << "which came later";
}

}  // namespace
}  // namespace slipway::agents
