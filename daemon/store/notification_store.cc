#include "daemon/store/notification_store.h"

#include <algorithm>

#include "daemon/store/migrations.h"

namespace slipway::store {

namespace {

constexpr std::string_view kNotificationColumns =
    "number, lane, receiver, run_id, event, subject, state, create_time, next_time, attempts, error, content";

// A row of kNotificationColumns.
Result<Notification> Read(const db::Statement& row) {
  Notification out;
  out.number = row.Get<int64_t>(0);
  out.lane = row.Get<std::string>(1);
  out.receiver = row.Get<std::string>(2);
  out.run_id = row.Get<std::string>(3);
  out.event = row.Get<std::string>(4);
  out.subject = row.Get<std::string>(5);
  const std::string state = row.Get<std::string>(6);
  bool known = false;
  for (const NotificationState one :
       {NotificationState::kPending, NotificationState::kSent, NotificationState::kDead}) {
    if (NotificationStateName(one) != state) continue;
    out.state = one;
    known = true;
  }
  if (!known) return DataLoss("notification {} has the unknown state '{}'", out.number, state);
  out.create_time = row.Get<SystemTime>(7);
  out.next_time = row.Get<SystemTime>(8);
  out.attempts = row.Get<int>(9);
  out.error = row.Get<std::string>(10);
  out.content = row.Get<std::string>(11);
  return out;
}

Result<std::vector<Notification>> ReadAll(db::Statement rows) {
  std::vector<Notification> out;
  while (rows.Next()) {
    SLIPWAY_ASSIGN_OR_RETURN(Notification one, Read(rows));
    out.push_back(std::move(one));
  }
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return out;
}

}  // namespace

Status AddNotifications(db::Transaction& tx, const std::string& run_id,
                        const std::vector<NewNotification>& notifications, SystemTime now) {
  for (const NewNotification& one : notifications) {
    SLIPWAY_RETURN_IF_ERROR(
        tx.Run("INSERT INTO notification (number, lane, receiver, run_id, event, subject, content, state, create_time, "
               "next_time, attempts, error) VALUES ((SELECT COALESCE(MAX(number), 0) + 1 FROM notification), ?, ?, ?, "
               "?, ?, ?, 'Pending', ?, ?, 0, '')",
               one.lane, one.receiver, run_id, one.event, one.subject, one.content, now, now));
  }
  return Status();
}

Result<std::unique_ptr<NotificationStore>> NotificationStore::Open(const std::string& path) {
  SLIPWAY_ASSIGN_OR_RETURN(std::unique_ptr<db::Database> database, db::Database::Open(path));
  SLIPWAY_RETURN_IF_ERROR(database->Migrate(Migrations()));
  return std::unique_ptr<NotificationStore>(new NotificationStore(std::move(database)));
}

Result<std::vector<Notification>> NotificationStore::Due(const std::string& lane, SystemTime now, size_t most) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, database_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows,
                           session.Query(fmt::format("SELECT {} FROM notification WHERE state = 'Pending' AND lane = ? "
                                                     "AND next_time <= ? ORDER BY next_time, number LIMIT ?",
                                                     kNotificationColumns),
                                         lane, now, most));
  return ReadAll(std::move(rows));
}

Result<std::optional<SystemTime>> NotificationStore::NextTime(const std::string& lane) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, database_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(
      db::Statement rows,
      session.Query("SELECT MIN(next_time) FROM notification WHERE state = 'Pending' AND lane = ?", lane));
  std::optional<SystemTime> next;
  if (rows.Next()) next = rows.Get<std::optional<SystemTime>>(0);
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return next;
}

Result<bool> NotificationStore::HasNewer(const Notification& notification) {
  if (notification.subject.empty()) return false;
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, database_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows,
                           session.Query("SELECT 1 FROM notification WHERE subject = ? AND number > ? LIMIT 1",
                                         notification.subject, notification.number));
  const bool found = rows.Next();
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return found;
}

Status NotificationStore::SetSent(int64_t number, const std::string& note) {
  return database_->Run(
      "UPDATE notification SET state = 'Sent', content = '', attempts = attempts + 1, error = ? WHERE number = ?", note,
      number);
}

Status NotificationStore::SetFailed(int64_t number, const std::string& error, SystemTime next_time) {
  return database_->Run("UPDATE notification SET attempts = attempts + 1, error = ?, next_time = ? WHERE number = ?",
                        error, next_time, number);
}

Status NotificationStore::SetDead(int64_t number, const std::string& error) {
  return database_->Run("UPDATE notification SET state = 'Dead', attempts = attempts + 1, error = ? WHERE number = ?",
                        error, number);
}

Status NotificationStore::EndLanes(const std::vector<std::string>& known, const std::string& error) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, database_->Begin());
  std::vector<std::string> lanes;
  {
    SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows,
                             tx.Query("SELECT DISTINCT lane FROM notification WHERE state = 'Pending'"));
    while (rows.Next()) lanes.push_back(rows.Get<std::string>(0));
    SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  }
  for (const std::string& lane : lanes) {
    if (std::find(known.begin(), known.end(), lane) != known.end()) continue;
    SLIPWAY_RETURN_IF_ERROR(
        tx.Run("UPDATE notification SET state = 'Dead', error = ? WHERE state = 'Pending' AND lane = ?", error, lane));
  }
  return tx.Commit();
}

Result<Notification> NotificationStore::Revive(int64_t number, SystemTime now) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, database_->Begin());
  std::vector<Notification> found;
  {
    SLIPWAY_ASSIGN_OR_RETURN(
        db::Statement rows,
        tx.Query(fmt::format("SELECT {} FROM notification WHERE number = ?", kNotificationColumns), number));
    SLIPWAY_ASSIGN_OR_RETURN(found, ReadAll(std::move(rows)));
  }
  if (found.empty()) return NotFound("there is no notification '{}'", NotificationId(number));
  Notification& one = found.front();
  if (one.state != NotificationState::kDead) {
    return FailedPrecondition("notification '{}' is {}, not dead", NotificationId(number),
                              NotificationStateName(one.state));
  }
  one.state = NotificationState::kPending;
  one.create_time = now;
  one.next_time = now;
  one.attempts = 0;
  one.error.clear();
  SLIPWAY_RETURN_IF_ERROR(
      tx.Run("UPDATE notification SET state = 'Pending', create_time = ?, next_time = ?, attempts = 0, error = '' "
             "WHERE number = ?",
             now, now, number));
  SLIPWAY_RETURN_IF_ERROR(tx.Commit());
  return std::move(one);
}

Result<NotificationPage> NotificationStore::List(std::optional<NotificationState> state, size_t page_size,
                                                 const std::string& page_token) {
  int64_t before = INT64_MAX;
  if (!page_token.empty()) {
    const std::optional<int64_t> number = ParseNotificationId(page_token);
    if (!number) return InvalidArgument("the page token is not one of ours");
    before = *number;
  }
  const auto wanted = state ? std::optional<std::string>(NotificationStateName(*state)) : std::nullopt;
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, database_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(
      db::Statement rows,
      session.Query(fmt::format("SELECT {} FROM notification WHERE number < ?1 AND (?2 IS NULL OR state = ?2) "
                                "ORDER BY number DESC LIMIT ?3",
                                kNotificationColumns),
                    before, wanted, page_size + 1));
  NotificationPage page;
  SLIPWAY_ASSIGN_OR_RETURN(page.notifications, ReadAll(std::move(rows)));
  if (page.notifications.size() > page_size) {
    page.notifications.pop_back();
    page.next_page_token = NotificationId(page.notifications.back().number);
  }
  for (Notification& one : page.notifications) one.content.clear();
  return page;
}

Status NotificationStore::Forget(SystemTime sent_before, SystemTime dead_before) {
  // The newest stays, so that no number is given twice.
  return database_->Run(
      "DELETE FROM notification WHERE ((state = 'Sent' AND create_time < ?) OR (state = 'Dead' AND create_time < ?)) "
      "AND number < (SELECT MAX(number) FROM notification)",
      sent_before, dead_before);
}

}  // namespace slipway::store
