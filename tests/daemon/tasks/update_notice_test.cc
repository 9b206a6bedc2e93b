#include "daemon/tasks/update_notice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "executor/http/curl_transport.h"
#include "tests/testing/scripted_http_server.h"

namespace slipway::tasks {
namespace {

store::Run Update() {
  store::Run run;
  run.id = "ca8";
  run.task = "app1";
  run.trigger = {.kind = store::RunTrigger::Kind::kImageUpdate, .name = "base", .update_token = "t0ken"};
  run.trigger.images = {{.registry = "r.io", .repository = "base", .tag = "1", .digest = "sha256:0"}};
  return run;
}

TEST(UpdateNotice, SaysWhatMovedAndWhichRunFollows) {
  store::BaseImageTrigger trigger{.name = "base"};
  const nlohmann::json body = nlohmann::json::parse(UpdateNoticeBody(trigger, Update()));
  EXPECT_EQ(body, nlohmann::json::parse(R"({"id":"app1:ca8","timestamp":"1970-01-01T00:00:00Z",
      "action":"image_update","task":"app1","trigger":"base","run":"ca8",
      "images":[{"registry":"r.io","repository":"base","tag":"1","digest":"sha256:0"}]})"));
  trigger.payload_type = "Token";
  EXPECT_EQ(nlohmann::json::parse(UpdateNoticeBody(trigger, Update()))["token"], "t0ken");
}

TEST(UpdateNotice, IsPostedAndTriedAgain) {
  testing::ScriptedHttpServer server([](const testing::ScriptedRequest& request) {
    return testing::ScriptedReply{.status = request.index < 2 ? 503 : 200};
  });
  const auto transport = http::NewCurlTransport({}).value();
  UpdateNotices notices(*transport, std::chrono::milliseconds(1));
  notices.Start();
  store::Task task;
  task.name = "app1";
  notices.Add(task, Update());  // no trigger, no endpoint: nothing
  task.base_image = store::BaseImageTrigger{.name = "base", .endpoint = server.Url("/hook")};
  notices.Add(task, Update());
  while (server.requests().size() < 3) std::this_thread::yield();
  notices.Stop();
  ASSERT_EQ(server.requests().size(), 3U);
  const testing::ScriptedRequest last = server.requests().back();
  EXPECT_EQ(last.Line(), "POST /hook");
  EXPECT_EQ(last.headers.Get("Content-Type"), "application/json");
  EXPECT_EQ(last.body, UpdateNoticeBody(*task.base_image, Update()));
}

}  // namespace
}  // namespace slipway::tasks
