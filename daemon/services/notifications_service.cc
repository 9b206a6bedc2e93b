#include "daemon/services/notifications_service.h"

#include <algorithm>

#include "daemon/services/convert.h"
#include "daemon/services/message_check.h"
#include "daemon/services/status.h"
#include "executor/base/utf8.h"

namespace slipway::services {

namespace {

constexpr uint32_t kStandardPage = 50;
constexpr uint32_t kLargestPage = 1000;

void Fill(const store::Notification& from, v1::Notification* out) {
  out->set_notification_id(store::NotificationId(from.number));
  out->set_run_id(from.run_id);
  out->set_event(utf8::Repair(from.event));
  out->set_receiver(utf8::Repair(from.receiver));
  out->set_state(static_cast<v1::NotificationState>(from.state));
  FillTime(from.create_time, out->mutable_create_time());
  if (from.state == store::NotificationState::kPending) FillTime(from.next_time, out->mutable_next_time());
  out->set_attempts(static_cast<uint32_t>(from.attempts));
  out->set_error(utf8::Repair(from.error));
}

}  // namespace

grpc::Status NotificationsService::ListNotifications(grpc::ServerContext*, const v1::ListNotificationsRequest* request,
                                                     v1::ListNotificationsResponse* response) {
  if (const task::FieldErrors unknown = CheckKnown(*request); !unknown.empty()) return BadFields(unknown);
  std::optional<store::NotificationState> state;
  if (request->state() != v1::NOTIFICATION_STATE_UNSPECIFIED) {
    state = static_cast<store::NotificationState>(request->state());
  }
  const uint32_t size = request->page_size() == 0 ? kStandardPage : std::min(request->page_size(), kLargestPage);
  const Result<store::NotificationPage> page = store_.List(state, size, request->page_token());
  if (page.code() == Code::kInvalidArgument) return BadFields({{"page_token", page.status().message()}});
  if (!page.ok()) return ToGrpc(page.status());
  for (const store::Notification& one : page->notifications) Fill(one, response->add_notifications());
  response->set_next_page_token(page->next_page_token);
  return grpc::Status::OK;
}

grpc::Status NotificationsService::RetryNotification(grpc::ServerContext*, const v1::RetryNotificationRequest* request,
                                                     v1::Notification* response) {
  if (const task::FieldErrors unknown = CheckKnown(*request); !unknown.empty()) return BadFields(unknown);
  const std::optional<int64_t> number = store::ParseNotificationId(request->notification_id());
  if (!number) return BadFields({{"notification_id", "is not the id of a notification, such as 'n12'"}});
  const Result<store::Notification> revived = store_.Revive(*number, clock_.System());
  if (revived.code() == Code::kNotFound) return Refuse(revived.status(), "NOTIFICATION_NOT_FOUND");
  if (revived.code() == Code::kFailedPrecondition) return Refuse(revived.status(), "NOTIFICATION_NOT_DEAD");
  if (!revived.ok()) return ToGrpc(revived.status());
  revived_();
  Fill(*revived, response);
  return grpc::Status::OK;
}

}  // namespace slipway::services
