#include "daemon/notify/cloud_event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/daemon/notify/runs.h"

namespace slipway::notify {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using Json = nlohmann::json;

std::vector<Target> Targets() {
  return {*ParseTarget("url=https://a.example.com/hook/T0KEN?key=s3cret"),
          *ParseTarget("url=https://b.example.com/,events=image.pushed,secret=k")};
}

std::vector<std::string> Names(const std::vector<store::NewNotification>& notifications) {
  std::vector<std::string> out;
  for (const store::NewNotification& one : notifications) out.push_back(one.receiver + " " + one.event);
  return out;
}

store::Run Succeeded() {
  store::Run run = PushedRun(store::RunState::kSucceeded);
  run.result.output_images = {{.registry = "r.io", .repository = "app", .tag = "v1", .digest = "sha256:aa"},
                              {.registry = "r.io", .repository = "app", .tag = "latest", .digest = "sha256:aa"},
                              {.registry = "r.io", .repository = "tests", .tag = "v1", .digest = "sha256:bb"}};
  run.result.pushed = {0, 1};
  return run;
}

TEST(CloudEvents, ReceiversAreToldOfWhatTheyWant) {
  EXPECT_THAT(EventsOf(PushedRun(store::RunState::kQueued), Targets(), "/s"), IsEmpty());
  EXPECT_THAT(EventsOf(PushedRun(store::RunState::kStarted), Targets(), "/s"), IsEmpty());
  EXPECT_THAT(Names(EventsOf(PushedRun(store::RunState::kRunning), Targets(), "/s")),
              ElementsAre("https://a.example.com:443 run.started"));
  EXPECT_THAT(Names(EventsOf(Succeeded(), Targets(), "/s")),
              ElementsAre("https://a.example.com:443 image.pushed", "https://a.example.com:443 image.pushed",
                          "https://a.example.com:443 run.finished", "https://b.example.com:443 image.pushed",
                          "https://b.example.com:443 image.pushed"));
  EXPECT_THAT(Names(EventsOf(PushedRun(store::RunState::kCanceled), Targets(), "/s")),
              ElementsAre("https://a.example.com:443 run.finished"));
  EXPECT_THAT(EventsOf(Succeeded(), {}, "/s"), IsEmpty());
}

TEST(CloudEvents, AreStructuredJson) {
  const auto events = EventsOf(Succeeded(), Targets(), "https://ci.example.com");
  const Json event = Json::parse(events.at(0).content);
  EXPECT_EQ(event.at("specversion"), "1.0");
  EXPECT_EQ(event.at("id"), "ca7.image.pushed.1");
  EXPECT_EQ(event.at("source"), "https://ci.example.com");
  EXPECT_EQ(event.at("type"), "org.slipway.image.pushed");
  EXPECT_EQ(event.at("subject"), "runs/ca7");
  EXPECT_EQ(event.at("time"), FormatTime(At(13)));
  EXPECT_EQ(event.at("datacontenttype"), "application/json");
  const Json& data = event.at("data");
  EXPECT_EQ(data.at("runId"), "ca7");
  EXPECT_EQ(data.at("status"), "Succeeded");
  EXPECT_EQ(data.at("task"), "app");
  EXPECT_EQ(data.at("image").at("reference"), "r.io/app:v1@sha256:aa");
  EXPECT_EQ(data.at("trigger").at("commit"), "1481a2de7b2a7d02428ad93446ab166be7793fbb");
  EXPECT_EQ(Json::parse(events.at(1).content).at("id"), "ca7.image.pushed.2");
  EXPECT_THAT(Json::parse(events.at(2).content).at("data").at("images"), SizeIs(3));
}

TEST(CloudEvents, AFailureIsToldWithItsReason) {
  store::Run run = PushedRun(store::RunState::kFailed);
  run.result.error_code = "NOT_FOUND";
  run.result.error_message = "no \xff Dockerfile";
  run.result.failed_step = "build";
  const Json error = Json::parse(EventsOf(run, Targets(), "/s").at(0).content).at("data").at("error");
  EXPECT_EQ(error.at("step"), "build");
  EXPECT_THAT(error.at("message").get<std::string>(), HasSubstr("Dockerfile")) << "whatever bytes are in it";
}

TEST(CloudEvents, AreSignedAsGitHubSignsItsWebhooks) {
  // The example of GitHub's documentation.
  EXPECT_EQ(Sign("Hello, World!", "It's a Secret to Everybody"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
  store::Notification notification;
  notification.number = 5;
  notification.event = "image.pushed";
  notification.content = "{}";
  const http::Request request = CallbackRequest(Targets()[1], notification);
  EXPECT_EQ(request.headers.Get("Content-Type"), "application/cloudevents+json; charset=utf-8");
  EXPECT_EQ(request.headers.Get("X-Slipway-Event"), "image.pushed");
  EXPECT_EQ(request.headers.Get("X-Slipway-Signature-256"), Sign("{}", "k"));
  EXPECT_FALSE(CallbackRequest(Targets()[0], notification).headers.Has("X-Slipway-Signature-256"));
}

TEST(CloudEvents, WhatIsStoredHoldsNoAddressWithSecrets) {
  const store::NewNotification event = EventsOf(Succeeded(), Targets(), "/s").at(0);
  for (const std::string& text : {event.lane, event.receiver, event.content}) {
    EXPECT_THAT(text, Not(HasSubstr("s3cret")));
    EXPECT_THAT(text, Not(HasSubstr("T0KEN")));
  }
  EXPECT_EQ(event.lane, LaneOf(Targets()[0]));
  EXPECT_NE(event.lane, LaneOf(Targets()[1]));
}

}  // namespace
}  // namespace slipway::notify
