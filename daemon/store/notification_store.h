// NotificationStore: what is to be told and has not been told yet, and what could not be told. Each call is one
// transaction. All functions may be called from any thread and block for the time of a disk write.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "daemon/store/notification.h"
#include "executor/db/database.h"

namespace slipway::store {

struct NotificationPage {
  std::vector<Notification> notifications;  ///< newest first, without contents
  std::string next_page_token;
};

class NotificationStore {
 public:
  /// Of the file of the run store, whose announcer fills it.
  static Result<std::unique_ptr<NotificationStore>> Open(const std::string& path);

  /// Pending ones of a lane whose time has come, the oldest first.
  Result<std::vector<Notification>> Due(const std::string& lane, SystemTime now, size_t most);
  /// When the next one of a lane is due; nullopt if none is pending.
  Result<std::optional<SystemTime>> NextTime(const std::string& lane);
  /// Whether there is a newer one with the same subject, which is not "".
  Result<bool> HasNewer(const Notification& notification);

  /// It was sent, or need not be; `note` says why not.
  Status SetSent(int64_t number, const std::string& note);
  /// An attempt failed; the next one is not before `next_time`.
  Status SetFailed(int64_t number, const std::string& error, SystemTime next_time);
  /// No attempt will be made any more.
  Status SetDead(int64_t number, const std::string& error);
  /// Those of lanes that are not among these die.
  Status EndLanes(const std::vector<std::string>& known, const std::string& error);

  /// A dead one is pending again, as if it were new. NOT_FOUND; FAILED_PRECONDITION if it is not dead.
  Result<Notification> Revive(int64_t number, SystemTime now);
  /// `state`: only these. INVALID_ARGUMENT for a page token that is not one of ours.
  Result<NotificationPage> List(std::optional<NotificationState> state, size_t page_size,
                                const std::string& page_token);
  /// Removes sent ones that were made before `sent_before` and dead ones before `dead_before`.
  Status Forget(SystemTime sent_before, SystemTime dead_before);

 private:
  explicit NotificationStore(std::unique_ptr<db::Database> database) : database_(std::move(database)) {}
  std::unique_ptr<db::Database> database_;
};

/// Stores what is to be told of a run, within the transaction that stores its state. Internal to this folder.
Status AddNotifications(db::Transaction& tx, const std::string& run_id,
                        const std::vector<NewNotification>& notifications, SystemTime now);

}  // namespace slipway::store
