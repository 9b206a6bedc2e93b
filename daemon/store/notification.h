// Notification: what somebody outside is to be told of a run. Plain data; daemon/notify makes and sends them.
//
//   Pending → Sent | Dead        Dead → Pending, if somebody asks for it
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/store/run.h"
#include "executor/base/clock.h"

namespace slipway::store {

/// Numbered as in the API.
enum class NotificationState { kPending = 1, kSent = 2, kDead = 3 };
std::string_view NotificationStateName(NotificationState state);

struct NewNotification {
  std::string lane;      ///< whom to tell
  std::string receiver;  ///< the same for people; holds no secret
  std::string event;
  std::string subject;  ///< of several with one subject only the newest counts; "": each counts
  std::string content;  ///< JSON
};

struct Notification {
  int64_t number = 0;
  std::string lane;
  std::string receiver;
  std::string run_id;
  std::string event;
  std::string subject;
  std::string content;
  NotificationState state = NotificationState::kPending;
  SystemTime create_time;
  SystemTime next_time;  ///< not before
  int attempts = 0;
  std::string error;  ///< of the last attempt; "" if there was none
};

/// "n" and the number, as clients see it.
std::string NotificationId(int64_t number);
std::optional<int64_t> ParseNotificationId(std::string_view id);

/// What is to be told of a run that has just got its state. Called within the transaction that stores it.
using Announcer = std::function<std::vector<NewNotification>(const Run& run)>;

}  // namespace slipway::store
