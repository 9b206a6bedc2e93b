// NotificationsService: slipway.v1.Notifications on the store of notifications. Thread-safe.
#pragma once

#include <functional>

#include "daemon/store/notification_store.h"
#include "executor/base/clock.h"
#include "slipway/v1/notifications.grpc.pb.h"

namespace slipway::services {

class NotificationsService final : public slipway::v1::Notifications::Service {
 public:
  /// `store` and `clock` must outlive it. `revived` is called when there is something new to send.
  NotificationsService(store::NotificationStore& store, const Clock& clock, std::function<void()> revived)
      : store_(store), clock_(clock), revived_(std::move(revived)) {}

  grpc::Status ListNotifications(grpc::ServerContext* context, const slipway::v1::ListNotificationsRequest* request,
                                 slipway::v1::ListNotificationsResponse* response) override;
  grpc::Status RetryNotification(grpc::ServerContext* context, const slipway::v1::RetryNotificationRequest* request,
                                 slipway::v1::Notification* response) override;

 private:
  store::NotificationStore& store_;
  const Clock& clock_;
  const std::function<void()> revived_;
};

}  // namespace slipway::services
