// What receivers of notifications are told: CloudEvents 1.0 in structured JSON, one an event of a run. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "daemon/notify/settings.h"
#include "daemon/store/notification.h"
#include "executor/http/transport.h"

namespace slipway::notify {

/// The lane of a target: its address, which may hold secrets, cannot be had back from it.
std::string LaneOf(const Target& target);

/// What is to be told of a run that has just got its state. `source` names this daemon: its public address, or a path.
std::vector<store::NewNotification> EventsOf(const store::Run& run, const std::vector<Target>& targets,
                                             const std::string& source);

/// The request that tells it.
http::Request CallbackRequest(const Target& target, const store::Notification& notification);

/// "sha256=" and the HMAC of a body in hex, as GitHub signs its webhooks.
std::string Sign(std::string_view body, std::string_view secret);

}  // namespace slipway::notify
