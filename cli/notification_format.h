// Notifications as text: a table, JSON.
#pragma once

#include <span>
#include <string>

#include "slipway/v1/notifications.pb.h"

namespace slipway::cli {

/// One row each under ID, RUN ID, EVENT, RECEIVER, STATE, ATTEMPTS, NEXT, ERROR.
std::string NotificationTable(std::span<const slipway::v1::Notification> notifications);
/// JSON as protobuf writes it, but states by their short names ("Dead").
std::string NotificationsJson(std::span<const slipway::v1::Notification> notifications);

}  // namespace slipway::cli
