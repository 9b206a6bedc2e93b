#include "cli/notification_format.h"

#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>

#include <nlohmann/json.hpp>

#include "cli/run_format.h"

namespace slipway::cli {

namespace {

using google::protobuf::util::TimeUtil;

std::string StateText(v1::NotificationState state) {
  if (state == v1::NOTIFICATION_STATE_PENDING) return "Pending";
  if (state == v1::NOTIFICATION_STATE_SENT) return "Sent";
  return state == v1::NOTIFICATION_STATE_DEAD ? "Dead" : "Unknown";
}

std::string NextText(const v1::Notification& notification) {
  if (!notification.has_next_time()) return "";
  return TimeUtil::ToString(TimeUtil::SecondsToTimestamp(notification.next_time().seconds()));
}

}  // namespace

std::string NotificationTable(std::span<const v1::Notification> notifications) {
  std::vector<std::vector<std::string>> rows = {
      {"ID", "RUN ID", "EVENT", "RECEIVER", "STATE", "ATTEMPTS", "NEXT", "ERROR"}};
  for (const v1::Notification& one : notifications) {
    rows.push_back({one.notification_id(), one.run_id(), one.event(), one.receiver(), StateText(one.state()),
                    std::to_string(one.attempts()), NextText(one), one.error()});
  }
  return Table(rows);
}

std::string NotificationsJson(std::span<const v1::Notification> notifications) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const v1::Notification& one : notifications) {
    std::string text;
    if (!google::protobuf::util::MessageToJsonString(one, &text).ok()) continue;
    nlohmann::ordered_json& to = out.emplace_back(nlohmann::ordered_json::parse(text));
    to["state"] = StateText(one.state());
  }
  return out.dump(2) + "\n";
}

}  // namespace slipway::cli
