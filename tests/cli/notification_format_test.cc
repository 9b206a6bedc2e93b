#include "cli/notification_format.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace slipway::cli {
namespace {

std::vector<v1::Notification> Example() {
  std::vector<v1::Notification> out(2);
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"(notification_id: "n12" run_id: "ca7" event: "failure" receiver: "github org/app@1481a2de7b2a"
         state: NOTIFICATION_STATE_DEAD attempts: 1 error: "HTTP 404: Not Found")",
      &out[0]));
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"(notification_id: "n9" run_id: "ca6" event: "run.finished" receiver: "https://a.example.com:443"
         state: NOTIFICATION_STATE_PENDING attempts: 3 next_time { seconds: 1556857003 nanos: 5 })",
      &out[1]));
  return out;
}

TEST(NotificationFormat, TableHasARowEach) {
  EXPECT_EQ(
      NotificationTable(Example()),
      "ID   RUN ID  EVENT         RECEIVER                     STATE    ATTEMPTS  NEXT                  ERROR\n"
      "---  ------  ------------  ---------------------------  -------  --------  --------------------  "
      "-------------------\n"
      "n12  ca7     failure       github org/app@1481a2de7b2a  Dead     1                               HTTP 404: "
      "Not Found\n"
      "n9   ca6     run.finished  https://a.example.com:443    Pending  3         2019-05-03T04:16:43Z\n");
}

TEST(NotificationFormat, JsonHasShortNames) {
  const auto json = nlohmann::json::parse(NotificationsJson(Example()));
  EXPECT_EQ(json[0]["state"], "Dead");
  EXPECT_EQ(json[0]["notificationId"], "n12");
  EXPECT_EQ(json[1]["nextTime"], "2019-05-03T04:16:43.000000005Z");
}

}  // namespace
}  // namespace slipway::cli
