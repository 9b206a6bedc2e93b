#include "daemon/store/run_retention.h"

namespace slipway::store {

namespace {
// Of the index run_may_go, word for word.
constexpr std::string_view kMayGo = "state NOT IN ('Queued', 'Started', 'Running') AND is_archived = 0";
}  // namespace

std::string OldestOfNewestSql() {
  return fmt::format("SELECT number FROM run WHERE {} ORDER BY number DESC LIMIT 1 OFFSET ?", kMayGo);
}

std::string ToForgetSql(bool by_time) {
  // No run ends before it was created, so those that ended long ago are among those that were created long ago.
  return fmt::format("SELECT number FROM run WHERE {} AND {} LIMIT ?2", kMayGo,
                     by_time
                         ? "create_time < ?3 AND finish_time < ?3 AND (number + 0) < ?1 ORDER BY create_time, number"
                         : "number < ?1 ORDER BY number");
}

Result<std::vector<int64_t>> ToForget(db::Session& session, const Retention& kept, size_t limit) {
  std::vector<int64_t> numbers;
  if (!kept.from && !kept.ended_since) return numbers;
  SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows, session.Prepare(ToForgetSql(kept.ended_since.has_value())));
  const int64_t from = kept.from.value_or(INT64_MAX);
  SLIPWAY_RETURN_IF_ERROR(kept.ended_since ? rows.Bind(from, limit, *kept.ended_since) : rows.Bind(from, limit));
  while (rows.Next()) numbers.push_back(rows.Get<int64_t>(0));
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return numbers;
}

Result<std::vector<std::string>> Remove(db::Transaction& tx, const std::vector<int64_t>& numbers) {
  std::vector<std::string> ids;
  for (const int64_t number : numbers) {
    {
      SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows,
                               tx.Query("SELECT id FROM run WHERE number = ? AND is_archived = 0", number));
      const bool there = rows.Next();
      if (there) ids.push_back(rows.Get<std::string>(0));
      SLIPWAY_RETURN_IF_ERROR(rows.Finish());
      if (!there) continue;
    }
    SLIPWAY_RETURN_IF_ERROR(tx.Run("DELETE FROM run_image WHERE run_number = ?", number));
    SLIPWAY_RETURN_IF_ERROR(tx.Run("DELETE FROM run WHERE number = ?", number));
  }
  return ids;
}

}  // namespace slipway::store
