// Tables and sentences about stored tasks.
#pragma once

#include <span>
#include <string>

#include "slipway/v1/tasks.pb.h"

namespace slipway::cli {

namespace v1 = ::slipway::v1;

/// NAME, PLATFORM, STATUS, SOURCE REPOSITORY, TRIGGERS, as az has them.
std::string TaskTable(std::span<const v1::Task> tasks);
/// NAME, SCHEDULE, STATUS, TIME ZONE, NEXT TIME.
std::string TimerTable(const v1::Task& task);
/// LOGIN SERVER, USERNAME.
std::string CredentialTable(const v1::Task& task);
/// DELIVERY, RECEIVED, FROM, EVENT, REFERENCE, TASK, TRIGGER, VERDICT, RUN ID, REASON.
std::string DeliveryTable(std::span<const v1::Delivery> deliveries);

/// What to enter at the git host for the webhooks of a task, with secrets that the daemon has just drawn; "" if there
/// is no webhook. `public_url` is where the daemon's webhooks are reached, "" if that is not known.
std::string WebhookText(const v1::Task& task, const std::string& public_url);

}  // namespace slipway::cli
