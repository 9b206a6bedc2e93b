#include "daemon/store/sqlite_task_store.h"

#include <algorithm>
#include <random>

#include "daemon/store/migrations.h"
#include "daemon/store/task_json.h"
#include "executor/base/ascii.h"

namespace slipway::store {

namespace {

constexpr std::string_view kTaskColumns = "name, etag, create_time, update_time, enabled, spec, sealed";
constexpr std::string_view kTokenPrefix = "after:";

std::string NewEtag() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

// A row of kTaskColumns.
Result<Task> ReadTask(const db::Statement& row) {
  Task task;
  task.name = row.Get<std::string>(0);
  task.etag = row.Get<std::string>(1);
  task.create_time = row.Get<SystemTime>(2);
  task.update_time = row.Get<SystemTime>(3);
  task.enabled = row.Get<bool>(4);
  SLIPWAY_RETURN_IF_ERROR(SpecFromJson(row.Get<std::string_view>(5), &task));
  task.sealed = row.Get<std::string>(6);
  return task;
}

Result<std::vector<Task>> ReadTasks(db::Statement rows) {
  std::vector<Task> out;
  while (rows.Next()) {
    SLIPWAY_ASSIGN_OR_RETURN(Task task, ReadTask(rows));
    out.push_back(std::move(task));
  }
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return out;
}

Status ReadBases(db::Access& access, Task* task) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows,
                           access.Query("SELECT registry, repository, tag, digest, is_runtime FROM task_base "
                                        "WHERE task = ? ORDER BY position",
                                        task->name));
  while (rows.Next()) {
    task->bases.push_back({.image = {.registry = rows.Get<std::string>(0),
                                     .repository = rows.Get<std::string>(1),
                                     .tag = rows.Get<std::string>(2),
                                     .digest = rows.Get<std::string>(3)},
                           .is_runtime = rows.Get<bool>(4)});
  }
  return rows.Finish();
}

Result<Task> ReadOne(db::Access& access, std::string_view name) {
  SLIPWAY_ASSIGN_OR_RETURN(
      db::Statement rows,
      access.Query(fmt::format("SELECT {} FROM task WHERE folded_name = ?", kTaskColumns), LowerAscii(name)));
  SLIPWAY_ASSIGN_OR_RETURN(std::vector<Task> found, ReadTasks(std::move(rows)));
  if (found.empty()) return NotFound("there is no task '{}'", name);
  SLIPWAY_RETURN_IF_ERROR(ReadBases(access, &found.front()));
  return std::move(found.front());
}

std::optional<db::Bytes> Blob(const std::string& sealed) {
  return sealed.empty() ? std::nullopt : std::optional<db::Bytes>(db::Bytes{sealed});
}

// Timers that are gone or go by another schedule are forgotten.
Status TrimTimers(db::Transaction& tx, const Task& task) {
  std::vector<std::pair<std::string, std::string>> stored;
  {
    SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows,
                             tx.Query("SELECT timer, schedule FROM task_timer WHERE task = ?", task.name));
    while (rows.Next()) stored.emplace_back(rows.Get<std::string>(0), rows.Get<std::string>(1));
    SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  }
  for (const auto& [name, schedule] : stored) {
    const bool stays = std::any_of(task.timers.begin(), task.timers.end(), [&](const TimerTrigger& timer) {
      return timer.name == name && TimerKey(timer) == schedule;
    });
    if (!stays) SLIPWAY_RETURN_IF_ERROR(tx.Run("DELETE FROM task_timer WHERE task = ? AND timer = ?", task.name, name));
  }
  return Status();
}

constexpr std::string_view kDeliveryColumns =
    "number, task, trigger_name, sender, sender_id, event, receive_time, verdict, reason, run_id, revision, reference";

// A row of kDeliveryColumns.
Result<Delivery> ReadDelivery(const db::Statement& row) {
  Delivery out;
  out.number = row.Get<int64_t>(0);
  out.task = row.Get<std::string>(1);
  out.trigger = row.Get<std::string>(2);
  out.sender = row.Get<std::string>(3);
  out.sender_id = row.Get<std::string>(4);
  out.event = row.Get<std::string>(5);
  out.receive_time = row.Get<SystemTime>(6);
  const std::optional<Verdict> verdict = ParseVerdict(row.Get<std::string_view>(7));
  if (!verdict) return DataLoss("delivery {} has the unknown verdict '{}'", out.number, row.Get<std::string>(7));
  out.verdict = *verdict;
  out.reason = row.Get<std::string>(8);
  out.run_id = row.Get<std::string>(9);
  out.revision = row.Get<std::string>(10);
  out.reference = row.Get<std::string>(11);
  return out;
}

// Whether the same delivery led to a run, or may yet. One that led to none is judged anew when it is sent again: what
// kept it from a run may be mended by then, and "redeliver" is how people of a git host ask for that.
Result<bool> LeadsToRun(db::Transaction& tx, const Delivery& delivery) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows,
                           tx.Query("SELECT 1 FROM delivery WHERE task = ? AND trigger_name = ? AND sender_id = ? "
                                    "AND verdict IN ('Pending', 'Run') LIMIT 1",
                                    delivery.task, delivery.trigger, delivery.sender_id));
  const bool found = rows.Next();
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return found;
}

Result<int64_t> NextNumber(db::Transaction& tx) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows, tx.Query("SELECT COALESCE(MAX(number), 0) + 1 FROM delivery"));
  const int64_t number = rows.Next() ? rows.Get<int64_t>(0) : 1;
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return number;
}

}  // namespace

Result<std::unique_ptr<SqliteTaskStore>> SqliteTaskStore::Open(const std::string& path) {
  SLIPWAY_ASSIGN_OR_RETURN(std::unique_ptr<db::Database> database, db::Database::Open(path));
  SLIPWAY_RETURN_IF_ERROR(database->Migrate(Migrations()));
  return std::unique_ptr<SqliteTaskStore>(new SqliteTaskStore(std::move(database)));
}

Result<Task> SqliteTaskStore::Create(Task task, SystemTime now) {
  task.etag = NewEtag();
  task.create_time = now;
  task.update_time = now;
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, database_->Begin());
  Status stored = tx.Run(
      "INSERT INTO task (name, folded_name, etag, create_time, update_time, enabled, spec, sealed) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      task.name, LowerAscii(task.name), task.etag, now, now, task.enabled, SpecToJson(task), Blob(task.sealed));
  if (stored.code() == Code::kAlreadyExists) return AlreadyExists("there is a task '{}' already", task.name);
  SLIPWAY_RETURN_IF_ERROR(stored);
  SLIPWAY_RETURN_IF_ERROR(tx.Commit());
  return task;
}

Result<Task> SqliteTaskStore::Update(Task task, SystemTime now) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, database_->Begin());
  SLIPWAY_ASSIGN_OR_RETURN(const Task before, ReadOne(tx, task.name));
  if (before.etag != task.etag) {
    return Aborted("task '{}' was changed by somebody else meanwhile; read it again and repeat the change", task.name);
  }
  task.etag = NewEtag();
  task.update_time = now;
  SLIPWAY_RETURN_IF_ERROR(
      tx.Run("UPDATE task SET etag = ?, update_time = ?, enabled = ?, spec = ?, sealed = ? WHERE name = ?", task.etag,
             now, task.enabled, SpecToJson(task), Blob(task.sealed), before.name));
  SLIPWAY_RETURN_IF_ERROR(TrimTimers(tx, task));
  SLIPWAY_RETURN_IF_ERROR(tx.Commit());
  return task;
}

Status SqliteTaskStore::Delete(const std::string& name, const std::string& etag) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, database_->Begin());
  SLIPWAY_ASSIGN_OR_RETURN(const Task task, ReadOne(tx, name));
  if (!etag.empty() && etag != task.etag) {
    return Aborted("task '{}' was changed by somebody else meanwhile; read it again before removing it", name);
  }
  SLIPWAY_RETURN_IF_ERROR(tx.Run("DELETE FROM task_timer WHERE task = ?", task.name));
  SLIPWAY_RETURN_IF_ERROR(tx.Run("DELETE FROM task_base WHERE task = ?", task.name));
  SLIPWAY_RETURN_IF_ERROR(tx.Run("DELETE FROM task WHERE name = ?", task.name));
  return tx.Commit();
}

Result<Task> SqliteTaskStore::Get(const std::string& name) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, database_->Read());
  return ReadOne(session, name);
}

Result<TaskPage> SqliteTaskStore::List(size_t page_size, const std::string& page_token) {
  std::string after;
  if (!page_token.empty()) {
    if (!page_token.starts_with(kTokenPrefix)) return InvalidArgument("the page token is not one of ours");
    after = page_token.substr(kTokenPrefix.size());
  }
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, database_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(
      db::Statement rows,
      session.Query(fmt::format("SELECT {} FROM task WHERE folded_name > ? ORDER BY folded_name LIMIT ?", kTaskColumns),
                    after, page_size + 1));
  TaskPage page;
  SLIPWAY_ASSIGN_OR_RETURN(page.tasks, ReadTasks(std::move(rows)));
  if (page.tasks.size() > page_size) {
    page.tasks.pop_back();
    page.next_page_token = std::string(kTokenPrefix) + LowerAscii(page.tasks.back().name);
  }
  for (Task& task : page.tasks) SLIPWAY_RETURN_IF_ERROR(ReadBases(session, &task));
  return page;
}

Result<std::vector<Task>> SqliteTaskStore::All() {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, database_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows,
                           session.Query(fmt::format("SELECT {} FROM task ORDER BY folded_name", kTaskColumns)));
  return ReadTasks(std::move(rows));
}

Status SqliteTaskStore::Reseal(const std::string& name, const std::string& sealed) {
  return database_->Run("UPDATE task SET sealed = ? WHERE folded_name = ? AND sealed IS NOT NULL", db::Bytes{sealed},
                        LowerAscii(name));
}

Status SqliteTaskStore::SetBases(const std::string& name, const std::vector<BaseImage>& bases) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, database_->Begin());
  Result<Task> task = ReadOne(tx, name);
  if (task.code() == Code::kNotFound) return Status();
  SLIPWAY_RETURN_IF_ERROR(task.status());
  if (task->bases == bases) return Status();
  SLIPWAY_RETURN_IF_ERROR(tx.Run("DELETE FROM task_base WHERE task = ?", task->name));
  int64_t position = 0;
  for (const BaseImage& base : bases) {
    SLIPWAY_RETURN_IF_ERROR(
        tx.Run("INSERT INTO task_base (task, position, registry, repository, tag, digest, is_runtime) VALUES (?, ?, ?, "
               "?, ?, ?, ?)",
               task->name, position++, base.image.registry, base.image.repository, base.image.tag, base.image.digest,
               base.is_runtime));
  }
  return tx.Commit();
}

Result<std::vector<Task>> SqliteTaskStore::BuiltFrom(const Image& image) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, database_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(
      db::Statement rows,
      session.Query(fmt::format("SELECT {} FROM task WHERE enabled = 1 AND name IN (SELECT task FROM task_base WHERE "
                                "registry = ? AND repository = ? AND tag = ?) ORDER BY folded_name",
                                kTaskColumns),
                    image.registry, image.repository, image.tag));
  SLIPWAY_ASSIGN_OR_RETURN(std::vector<Task> found, ReadTasks(std::move(rows)));
  std::erase_if(found, [](const Task& task) { return !task.base_image || !task.base_image->enabled; });
  for (Task& task : found) SLIPWAY_RETURN_IF_ERROR(ReadBases(session, &task));
  return found;
}

Result<std::vector<Image>> SqliteTaskStore::WatchedImages() {
  SLIPWAY_ASSIGN_OR_RETURN(std::vector<Task> tasks, All());
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, database_->Read());
  std::vector<Image> out;
  for (Task& task : tasks) {
    if (!task.enabled || !task.base_image || !task.base_image->enabled) continue;
    SLIPWAY_RETURN_IF_ERROR(ReadBases(session, &task));
    for (const BaseImage& base : task.bases) {
      const bool counts = (base.is_runtime || task.base_image->all_stages) && !base.image.tag.empty();
      if (counts && std::find(out.begin(), out.end(), base.image) == out.end()) out.push_back(base.image);
    }
  }
  return out;
}

Result<std::vector<TimerState>> SqliteTaskStore::Timers() {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, database_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows,
                           session.Query("SELECT task, timer, schedule, last_time FROM task_timer"));
  std::vector<TimerState> out;
  while (rows.Next()) {
    out.push_back({.task = rows.Get<std::string>(0),
                   .timer = rows.Get<std::string>(1),
                   .schedule = rows.Get<std::string>(2),
                   .last_time = rows.Get<SystemTime>(3)});
  }
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return out;
}

Status SqliteTaskStore::SetTimer(const TimerState& state) {
  return database_->Run(
      "INSERT INTO task_timer (task, timer, schedule, last_time) VALUES (?, ?, ?, ?) "
      "ON CONFLICT (task, timer) DO UPDATE SET schedule = excluded.schedule, last_time = excluded.last_time",
      state.task, state.timer, state.schedule, state.last_time);
}

Result<Delivery> SqliteTaskStore::AddDelivery(Delivery delivery) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, database_->Begin());
  if (delivery.verdict == Verdict::kPending) {
    SLIPWAY_ASSIGN_OR_RETURN(const bool repeated, LeadsToRun(tx, delivery));
    if (repeated) {
      delivery.verdict = Verdict::kRepeated;
      delivery.reason = "it came before";
    }
  }
  SLIPWAY_ASSIGN_OR_RETURN(delivery.number, NextNumber(tx));
  SLIPWAY_RETURN_IF_ERROR(tx.Run(
      "INSERT INTO delivery (number, task, trigger_name, sender, sender_id, event, receive_time, verdict, reason, "
      "run_id, revision, reference, content) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      delivery.number, delivery.task, delivery.trigger, delivery.sender, delivery.sender_id, delivery.event,
      delivery.receive_time, VerdictName(delivery.verdict), delivery.reason, delivery.run_id, delivery.revision,
      delivery.reference, delivery.content));
  SLIPWAY_RETURN_IF_ERROR(tx.Commit());
  return delivery;
}

Status SqliteTaskStore::SetVerdict(int64_t number, Verdict verdict, const std::string& reason,
                                   const std::string& run_id) {
  return database_->Run("UPDATE delivery SET verdict = ?, reason = ?, run_id = ? WHERE number = ?",
                        VerdictName(verdict), reason, run_id, number);
}

Result<Delivery> SqliteTaskStore::GetDelivery(int64_t number) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, database_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(
      db::Statement rows,
      session.Query(fmt::format("SELECT {}, content FROM delivery WHERE number = ?", kDeliveryColumns), number));
  std::optional<Delivery> found;
  if (rows.Next()) {
    SLIPWAY_ASSIGN_OR_RETURN(found, ReadDelivery(rows));
    found->content = rows.Get<std::string>(12);
  }
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  if (!found) return NotFound("there is no delivery '{}'", DeliveryId(number));
  return *std::move(found);
}

Result<DeliveryPage> SqliteTaskStore::Deliveries(const std::string& task, size_t page_size,
                                                 const std::string& page_token) {
  int64_t before = INT64_MAX;
  if (!page_token.empty()) {
    const std::optional<int64_t> number = ParseDeliveryId(page_token);
    if (!number) return InvalidArgument("the page token is not one of ours");
    before = *number;
  }
  const std::optional<std::string> of = task.empty() ? std::nullopt : std::optional<std::string>(task);
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, database_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(
      db::Statement rows,
      session.Query(fmt::format("SELECT {} FROM delivery WHERE number < ?1 AND (?2 IS NULL OR task = ?2) "
                                "ORDER BY number DESC LIMIT ?3",
                                kDeliveryColumns),
                    before, of, page_size + 1));
  DeliveryPage page;
  while (rows.Next()) {
    if (page.deliveries.size() == page_size) {
      page.next_page_token = DeliveryId(page.deliveries.back().number);
      break;
    }
    SLIPWAY_ASSIGN_OR_RETURN(Delivery delivery, ReadDelivery(rows));
    page.deliveries.push_back(std::move(delivery));
  }
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return page;
}

Result<std::vector<Delivery>> SqliteTaskStore::PendingDeliveries() {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, database_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(
      db::Statement rows,
      session.Query(
          fmt::format("SELECT {}, content FROM delivery WHERE verdict = 'Pending' ORDER BY number", kDeliveryColumns)));
  std::vector<Delivery> out;
  while (rows.Next()) {
    SLIPWAY_ASSIGN_OR_RETURN(Delivery delivery, ReadDelivery(rows));
    delivery.content = rows.Get<std::string>(12);
    out.push_back(std::move(delivery));
  }
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return out;
}

Result<int64_t> SqliteTaskStore::ForgetDeliveries(SystemTime before) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, database_->Begin());
  // The newest stays, so that no number is given twice.
  SLIPWAY_RETURN_IF_ERROR(
      tx.Run("DELETE FROM delivery WHERE receive_time < ? AND verdict <> 'Pending' "
             "AND number < (SELECT MAX(number) FROM delivery)",
             before));
  const int64_t count = tx.changes();
  SLIPWAY_RETURN_IF_ERROR(tx.Commit());
  return count;
}

}  // namespace slipway::store
