#include "daemon/services/notifications_service.h"

#include <gmock/gmock.h>

#include "daemon/store/sqlite_run_store.h"
#include "tests/testing/api_fixture.h"

namespace slipway::services {
namespace {

// Called as gRPC calls it; each run tells its state.
class NotificationsServiceTest : public testing::ApiFixture {
 protected:
  NotificationsServiceTest() {
    runs_ = *store::SqliteRunStore::Open(told_.path() + "/runs.db", "ca");
    runs_->SetAnnouncer([](const store::Run& run) {
      return std::vector<store::NewNotification>{{.lane = "a",
                                                  .receiver = "https://\xff",
                                                  .event = std::string(store::StateName(run.state)),
                                                  .content = "{}"}};
    });
    notifications_ = *store::NotificationStore::Open(told_.path() + "/runs.db");
    store::NewRun request;
    request.build.source_location = "/dev/null";
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(runs_->Create(request).ok());
    EXPECT_TRUE(notifications_->SetDead(2, "HTTP 410").ok());
    service_ = std::make_unique<NotificationsService>(*notifications_, Clock::Real(), [this] { ++revived_; });
  }

  grpc::Status Retry(const std::string& id) {
    v1::RetryNotificationRequest request;
    request.set_notification_id(id);
    grpc::ServerContext ctx;
    return service_->RetryNotification(&ctx, &request, &answer_);
  }

  fs::TempDir told_ = *fs::TempDir::Make();
  std::unique_ptr<store::SqliteRunStore> runs_;
  std::unique_ptr<store::NotificationStore> notifications_;
  int revived_ = 0;
  std::unique_ptr<NotificationsService> service_;
  v1::Notification answer_;
};

TEST_F(NotificationsServiceTest, TheDeadAreListed) {
  v1::ListNotificationsRequest request;
  request.set_state(v1::NOTIFICATION_STATE_DEAD);
  v1::ListNotificationsResponse page;
  grpc::ServerContext ctx;
  ASSERT_TRUE(service_->ListNotifications(&ctx, &request, &page).ok());
  ASSERT_EQ(page.notifications_size(), 1);
  EXPECT_EQ(page.notifications(0).notification_id(), "n2");
  EXPECT_EQ(page.notifications(0).run_id(), "ca2");
  EXPECT_EQ(page.notifications(0).event(), "Queued");
  EXPECT_EQ(page.notifications(0).error(), "HTTP 410");
  EXPECT_EQ(page.notifications(0).attempts(), 1U);
  EXPECT_FALSE(page.notifications(0).has_next_time());
}

TEST_F(NotificationsServiceTest, AllAreListedByPages) {
  v1::ListNotificationsRequest request;
  request.set_page_size(2);
  v1::ListNotificationsResponse page;
  grpc::ServerContext ctx;
  ASSERT_TRUE(service_->ListNotifications(&ctx, &request, &page).ok());
  ASSERT_EQ(page.notifications_size(), 2);
  EXPECT_EQ(page.notifications(0).notification_id(), "n3");
  EXPECT_TRUE(page.notifications(0).has_next_time());
  request.set_page_token(page.next_page_token());
  page.Clear();
  ASSERT_TRUE(service_->ListNotifications(&ctx, &request, &page).ok());
  ASSERT_EQ(page.notifications_size(), 1);
  EXPECT_EQ(page.notifications(0).notification_id(), "n1");
  EXPECT_EQ(page.next_page_token(), "");
  request.set_page_token("x");
  EXPECT_EQ(BadFields(service_->ListNotifications(&ctx, &request, &page)), std::vector<std::string>{"page_token"});
}

TEST_F(NotificationsServiceTest, OnlyTheDeadAreRevived) {
  EXPECT_EQ(BadFields(Retry("2")), std::vector<std::string>{"notification_id"});
  EXPECT_EQ(Reason(Retry("n9")), "slipway/NOTIFICATION_NOT_FOUND");
  EXPECT_EQ(Reason(Retry("n1")), "slipway/NOTIFICATION_NOT_DEAD");
  EXPECT_EQ(revived_, 0);
  ASSERT_TRUE(Retry("n2").ok());
  EXPECT_EQ(answer_.state(), v1::NOTIFICATION_STATE_PENDING);
  EXPECT_EQ(answer_.error(), "");
  EXPECT_EQ(revived_, 1);
}

}  // namespace
}  // namespace slipway::services
