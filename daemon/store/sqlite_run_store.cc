#include "daemon/store/sqlite_run_store.h"

#include <charconv>
#include <random>

#include "daemon/store/migrations.h"
#include "daemon/store/notification_store.h"
#include "daemon/store/page_token.h"
#include "daemon/store/run_json.h"
#include "daemon/store/run_list.h"
#include "daemon/store/run_retention.h"
#include "executor/base/boot_id.h"
#include "executor/base/log.h"

namespace slipway::store {

namespace {

// The boot of the machine in which the store is open; taken out when it is closed.
constexpr std::string_view kOpenInBoot = "open_in_boot";
constexpr std::string_view kNextNumber = "next_run_number";
// More runs than begin in the moment that a sync takes.
constexpr int64_t kMostLost = 1000;

constexpr std::string_view kRunColumns =
    "number, id, type, state, create_time, start_time, finish_time, update_time, timeout_seconds, attempt, crashes, "
    "cancel_requested, request, sealed, error_code, error_message, failed_step, result, task, trigger_json, "
    "is_archived";

// A row of kRunColumns.
Result<Run> ReadRun(const db::Statement& row) {
  Run run;
  run.number = row.Get<int64_t>(0);
  run.id = row.Get<std::string>(1);
  const std::optional<RunState> state = ParseState(row.Get<std::string_view>(3));
  if (!state) return DataLoss("run '{}' has the unknown state '{}'", run.id, row.Get<std::string>(3));
  run.state = *state;
  run.create_time = row.Get<SystemTime>(4);
  run.start_time = row.Get<std::optional<SystemTime>>(5);
  run.finish_time = row.Get<std::optional<SystemTime>>(6);
  run.last_updated_time = row.Get<SystemTime>(7);
  run.timeout = std::chrono::seconds(row.Get<int64_t>(8));
  run.attempt = row.Get<int>(9);
  run.crashes = row.Get<int>(10);
  run.cancel_requested = row.Get<bool>(11);
  const std::optional<RunType> type = ParseType(row.Get<std::string_view>(2));
  if (!type) return DataLoss("run '{}' has the unknown type '{}'", run.id, row.Get<std::string>(2));
  run.type = *type;
  if (run.type == RunType::kQuickRun) {
    SLIPWAY_ASSIGN_OR_RETURN(run.file_task, FileTaskFromJson(row.Get<std::string_view>(12)).With(run.id));
  } else {
    SLIPWAY_ASSIGN_OR_RETURN(run.build, RequestFromJson(row.Get<std::string_view>(12)).With(run.id));
  }
  run.sealed = row.Get<std::string>(13);
  run.result.error_code = row.Get<std::string>(14);
  run.result.error_message = row.Get<std::string>(15);
  run.result.failed_step = row.Get<std::string>(16);
  SLIPWAY_RETURN_IF_ERROR(ResultFromJson(row.Get<std::string_view>(17), &run.result).With(run.id));
  run.task = row.Get<std::string>(18);
  SLIPWAY_ASSIGN_OR_RETURN(run.trigger, TriggerFromJson(row.Get<std::string_view>(19)).With(run.id));
  run.archived = row.Get<bool>(20);
  return run;
}

Status ReadImages(db::Access& access, Run* run) {
  SLIPWAY_ASSIGN_OR_RETURN(
      db::Statement rows,
      access.Query("SELECT registry, repository, tag, digest FROM run_image WHERE run_number = ? ORDER BY position",
                   run->number));
  while (rows.Next()) {
    run->result.output_images.push_back({.registry = rows.Get<std::string>(0),
                                         .repository = rows.Get<std::string>(1),
                                         .tag = rows.Get<std::string>(2),
                                         .digest = rows.Get<std::string>(3)});
  }
  return rows.Finish();
}

Result<Run> ReadOne(db::Access& access, std::string_view column, std::string_view value) {
  std::optional<Run> run;
  {
    SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows,
                             access.Query(fmt::format("SELECT {} FROM run WHERE {} = ?", kRunColumns, column), value));
    if (rows.Next()) {
      SLIPWAY_ASSIGN_OR_RETURN(run, ReadRun(rows));
    }
    SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  }
  if (!run) return NotFound("there is no run '{}'", value);
  SLIPWAY_RETURN_IF_ERROR(ReadImages(access, &*run));
  return *std::move(run);
}

Result<std::optional<std::string>> Setting(db::Access& access, std::string_view name) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows, access.Query("SELECT value FROM setting WHERE name = ?", name));
  std::optional<std::string> value;
  if (rows.Next()) value = rows.Get<std::string>(0);
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return value;
}

Status SetSetting(db::Transaction& tx, std::string_view name, std::string_view value) {
  return tx.Run(
      "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name,
      value);
}

Result<int64_t> Count(db::Access& access, int64_t before) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows,
                           access.Query("SELECT COUNT(*) FROM run WHERE state = 'Queued' AND number < ?", before));
  const int64_t count = rows.Next() ? rows.Get<int64_t>(0) : 0;
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return count;
}

Status AddImages(db::Transaction& tx, int64_t number, const std::vector<Image>& images) {
  int64_t position = 0;
  for (const Image& image : images) {
    SLIPWAY_RETURN_IF_ERROR(tx.Run(
        "INSERT INTO run_image (run_number, position, registry, repository, tag, digest) VALUES (?, ?, ?, ?, ?, ?)",
        number, position++, image.registry, image.repository, image.tag, image.digest));
  }
  return Status();
}

// A letter first: ids then never look like numbers.
std::string DrawPrefix() {
  std::random_device random;
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789";
  return {kLetters[random() % 26], kLetters[random() % kLetters.size()]};
}

// Where the page after run `number` begins. If that run is gone, the next older one stands in for it.
Result<ListStart> StartAfter(db::Access& access, int64_t number, const RunFilter& filter) {
  ListStart start{.number = number};
  if (!ListsByTime(filter)) return start;
  SLIPWAY_ASSIGN_OR_RETURN(
      db::Statement rows,
      access.Query("SELECT create_time FROM run WHERE number <= ? ORDER BY number DESC LIMIT 1", number));
  start.time = rows.Next() ? rows.Get<SystemTime>(0) : SystemTime::min();
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  const ListStart first = FirstPage(filter);
  return start.time < first.time ? start : first;
}

}  // namespace

Result<std::unique_ptr<SqliteRunStore>> SqliteRunStore::Open(const std::string& path,
                                                             const std::string& run_id_prefix) {
  SLIPWAY_ASSIGN_OR_RETURN(std::unique_ptr<db::Database> database, db::Database::Open(path));
  SLIPWAY_RETURN_IF_ERROR(database->Migrate(Migrations()));
  std::unique_ptr<SqliteRunStore> store(new SqliteRunStore(std::move(database)));
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, store->database_->Begin());
  SLIPWAY_RETURN_IF_ERROR(store->LoadPrefix(tx, run_id_prefix));
  SLIPWAY_RETURN_IF_ERROR(store->NoteBoot(tx));
  SLIPWAY_RETURN_IF_ERROR(tx.Commit());
  store->open_ = true;
  return store;
}

SqliteRunStore::~SqliteRunStore() {
  if (!open_) return;
  const Status closed = database_->Run("DELETE FROM setting WHERE name = ?", kOpenInBoot);
  if (!closed.ok()) spdlog::warn("close the store of runs: {}", closed.message());
}

Status SqliteRunStore::LoadPrefix(db::Transaction& tx, const std::string& wanted) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::optional<std::string> stored, Setting(tx, "run_id_prefix"));
  if (stored && !wanted.empty() && *stored != wanted) {
    return FailedPrecondition("the run ids of '{}' begin with '{}'; they cannot begin with '{}' from now on",
                              database_->path(), *stored, wanted);
  }
  prefix_ = stored ? *stored : wanted.empty() ? DrawPrefix() : wanted;
  return stored ? Status() : SetSetting(tx, "run_id_prefix", prefix_);
}

// Runs begin before the disk has them (NewRun::on_seen). Where power takes such a run its image may be in a registry,
// under its id: no other run may get that.
Status SqliteRunStore::NoteBoot(db::Transaction& tx) {
  const std::string boot = BootAndMount(database_->path());
  SLIPWAY_ASSIGN_OR_RETURN(const std::optional<std::string> open_in, Setting(tx, kOpenInBoot));
  if (open_in && (boot.empty() || *open_in != boot)) {
    SLIPWAY_ASSIGN_OR_RETURN(const int64_t next, TakeNumber(tx));
    SLIPWAY_RETURN_IF_ERROR(SetSetting(tx, kNextNumber, std::to_string(next + kMostLost)));
  }
  return SetSetting(tx, kOpenInBoot, boot);
}

Result<int64_t> SqliteRunStore::TakeNumber(db::Transaction& tx) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::optional<std::string> stored, Setting(tx, kNextNumber));
  int64_t number = 1;
  if (stored) {
    const auto [end, error] = std::from_chars(stored->data(), stored->data() + stored->size(), number);
    if (error != std::errc() || number < 1) return DataLoss("the stored run number '{}' is none", *stored);
  }
  SLIPWAY_RETURN_IF_ERROR(SetSetting(tx, kNextNumber, std::to_string(number + 1)));
  return number;
}

Result<CreatedRun> SqliteRunStore::Create(const NewRun& request) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, database_->Begin());
  if (!request.request_id.empty()) {
    Result<Run> before = ReadOne(tx, "request_id", request.request_id);
    if (before.ok()) return CreatedRun{.run = *std::move(before), .existed = true};
    if (before.code() != Code::kNotFound) return std::move(before).status();
  }
  if (request.max_queued > 0) {
    SLIPWAY_ASSIGN_OR_RETURN(const int64_t queued, Count(tx, INT64_MAX));
    if (static_cast<uint64_t>(queued) >= request.max_queued) {
      return ResourceExhausted("{} runs are waiting, which is the limit (max_queued); try again later", queued);
    }
  }
  SLIPWAY_ASSIGN_OR_RETURN(const int64_t number, TakeNumber(tx));
  const std::string id = MakeRunId(prefix_, number);
  std::string sealed;
  if (request.seal) {
    SLIPWAY_ASSIGN_OR_RETURN(sealed, request.seal(id));
  }
  const std::optional<std::string> request_id =
      request.request_id.empty() ? std::nullopt : std::optional<std::string>(request.request_id);
  const std::optional<db::Bytes> blob = sealed.empty() ? std::nullopt : std::optional<db::Bytes>(db::Bytes{sealed});
  SLIPWAY_RETURN_IF_ERROR(tx.Run(
      "INSERT INTO run (number, id, request_id, type, state, create_time, update_time, timeout_seconds, attempt, "
      "crashes, cancel_requested, request, sealed, error_code, error_message, failed_step, result, task, trigger_json, "
      "trigger_kind) VALUES (?, ?, ?, ?, 'Queued', ?, ?, ?, 1, 0, 0, ?, ?, '', '', '', '{}', ?, ?, ?)",
      number, id, request_id, TypeName(request.file_task ? RunType::kQuickRun : RunType::kQuickBuild), request.now,
      request.now, request.timeout.count(),
      request.file_task ? RequestToJson(*request.file_task) : RequestToJson(request.build), blob, request.task,
      TriggerToJson(request.trigger), static_cast<int>(request.trigger.kind)));
  SLIPWAY_ASSIGN_OR_RETURN(Run run, ReadOne(tx, "id", id));
  const std::vector<NewNotification> told = announcer_ ? announcer_(run) : std::vector<NewNotification>();
  SLIPWAY_RETURN_IF_ERROR(AddNotifications(tx, run.id, told, request.now));
  bool seen = false;
  const auto tell = [&] {
    if (request.on_seen) request.on_seen(run);
  };
  const Status stored = tx.Commit([&] {
    seen = true;
    if (told.empty()) tell();
  });
  // Nobody is told of what power may undo; only where the disk fails it is there all the same, and must not wait for
  // ever.
  if (seen && !told.empty()) tell();
  SLIPWAY_RETURN_IF_ERROR(stored);
  return CreatedRun{.run = std::move(run), .existed = false};
}

Result<Run> SqliteRunStore::Get(const std::string& id) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, database_->Read());
  return ReadOne(session, "id", id);
}

Result<RunPage> SqliteRunStore::List(const RunFilter& filter, size_t page_size, const std::string& page_token) {
  int64_t before = INT64_MAX;
  if (!page_token.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(before, ReadPageToken(page_token, filter));
  }
  const Image image = filter.output_image.value_or(Image());
  const auto type = filter.type ? std::optional<std::string>(TypeName(*filter.type)) : std::nullopt;
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, database_->Read());
  ListStart start = FirstPage(filter);
  if (!page_token.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(start, StartAfter(session, before, filter));
  }
  RunPage page;
  {
    SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows,
                             session.Query(ListSql(filter, kRunColumns), start.number, type, filter.create_time_from,
                                           filter.create_time_before, image.repository, image.registry, image.tag,
                                           image.digest, filter.task, start.time, page_size + 1));
    while (rows.Next()) {
      if (page.runs.size() == page_size) {
        page.next_page_token = MakePageToken(page.runs.back().number, filter);
        break;
      }
      SLIPWAY_ASSIGN_OR_RETURN(Run run, ReadRun(rows));
      page.runs.push_back(std::move(run));
    }
    SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  }
  for (Run& run : page.runs) SLIPWAY_RETURN_IF_ERROR(ReadImages(session, &run));
  return page;
}

Result<std::vector<Run>> SqliteRunStore::Unfinished() {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, database_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(
      db::Statement rows,
      session.Query(fmt::format("SELECT {} FROM run WHERE state IN ('Queued', 'Started', 'Running') ORDER BY number",
                                kRunColumns)));
  std::vector<Run> runs;
  while (rows.Next()) {
    SLIPWAY_ASSIGN_OR_RETURN(Run run, ReadRun(rows));
    runs.push_back(std::move(run));
  }
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return runs;
}

Result<RunStore::QueueInfo> SqliteRunStore::Queue(int64_t number) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, database_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(const int64_t queued, Count(session, INT64_MAX));
  SLIPWAY_ASSIGN_OR_RETURN(const int64_t before, Count(session, number));
  return QueueInfo{.queued = static_cast<uint32_t>(queued), .before = static_cast<uint32_t>(before)};
}

// The transition alone; the caller adds what goes with it and commits. Gives the run as it was.
Result<Run> SqliteRunStore::Move(db::Transaction& tx, const std::string& id, RunState to, SystemTime now) {
  SLIPWAY_ASSIGN_OR_RETURN(Run run, ReadOne(tx, "id", id));
  if (!CanMove(run.state, to)) {
    return FailedPrecondition("run '{}' is {} and cannot become {}", id, StateName(run.state), StateName(to));
  }
  SLIPWAY_RETURN_IF_ERROR(
      tx.Run("UPDATE run SET state = ?, update_time = ? WHERE number = ?", StateName(to), now, run.number));
  return run;
}

// What others are to be told is stored with the state, or neither is.
Status SqliteRunStore::Announce(db::Transaction& tx, const Run& run, SystemTime now) {
  return announcer_ ? AddNotifications(tx, run.id, announcer_(run), now) : Status();
}

// A step on the way that power may take back: the run is then begun anew from where it was, as after any crash. But
// whoever is told of it must not be told of it twice.
Status SqliteRunStore::AnnounceAndCommit(db::Transaction& tx, const Run& run, SystemTime now) {
  const std::vector<NewNotification> told = announcer_ ? announcer_(run) : std::vector<NewNotification>();
  SLIPWAY_RETURN_IF_ERROR(AddNotifications(tx, run.id, told, now));
  return told.empty() ? tx.CommitLater() : tx.Commit();
}

Result<Run> SqliteRunStore::Start(const std::string& id, SystemTime now) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, database_->Begin());
  SLIPWAY_ASSIGN_OR_RETURN(Run run, Move(tx, id, RunState::kStarted, now));
  SLIPWAY_RETURN_IF_ERROR(
      tx.Run("UPDATE run SET start_time = COALESCE(start_time, ?) WHERE number = ?", now, run.number));
  SLIPWAY_ASSIGN_OR_RETURN(run, ReadOne(tx, "id", id));
  SLIPWAY_RETURN_IF_ERROR(AnnounceAndCommit(tx, run, now));
  return run;
}

Result<Run> SqliteRunStore::SetRunning(const std::string& id, SystemTime now) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, database_->Begin());
  SLIPWAY_ASSIGN_OR_RETURN(Run run, Move(tx, id, RunState::kRunning, now));
  SLIPWAY_ASSIGN_OR_RETURN(run, ReadOne(tx, "id", id));
  SLIPWAY_RETURN_IF_ERROR(AnnounceAndCommit(tx, run, now));
  return run;
}

Result<Run> SqliteRunStore::Finish(const std::string& id, RunState state, const RunResult& result, SystemTime now) {
  if (!IsFinal(state)) return InvalidArgument("{} is no final state", StateName(state));
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, database_->Begin());
  SLIPWAY_ASSIGN_OR_RETURN(Run run, Move(tx, id, state, now));
  SLIPWAY_RETURN_IF_ERROR(
      tx.Run("UPDATE run SET finish_time = ?, sealed = NULL, error_code = ?, error_message = ?, failed_step = ?, "
             "result = ? WHERE number = ?",
             now, result.error_code, result.error_message, result.failed_step, ResultToJson(result), run.number));
  SLIPWAY_RETURN_IF_ERROR(AddImages(tx, run.number, result.output_images));
  SLIPWAY_ASSIGN_OR_RETURN(run, ReadOne(tx, "id", id));
  SLIPWAY_RETURN_IF_ERROR(Announce(tx, run, now));
  SLIPWAY_RETURN_IF_ERROR(tx.Commit());
  return run;
}

Result<Run> SqliteRunStore::Requeue(const std::string& id, bool crashed, SystemTime now) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, database_->Begin());
  SLIPWAY_ASSIGN_OR_RETURN(Run run, Move(tx, id, RunState::kQueued, now));
  SLIPWAY_RETURN_IF_ERROR(tx.Run("UPDATE run SET attempt = attempt + 1, crashes = crashes + ? WHERE number = ?",
                                 crashed ? 1 : 0, run.number));
  SLIPWAY_ASSIGN_OR_RETURN(run, ReadOne(tx, "id", id));
  SLIPWAY_RETURN_IF_ERROR(Announce(tx, run, now));
  SLIPWAY_RETURN_IF_ERROR(tx.Commit());
  return run;
}

Result<Run> SqliteRunStore::SetArchived(const std::string& id, bool archived, SystemTime now) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, database_->Begin());
  SLIPWAY_RETURN_IF_ERROR(
      tx.Run("UPDATE run SET is_archived = ?, update_time = ? WHERE id = ?", archived ? 1 : 0, now, id));
  SLIPWAY_ASSIGN_OR_RETURN(Run run, ReadOne(tx, "id", id));
  SLIPWAY_RETURN_IF_ERROR(tx.Commit());
  return run;
}

Result<Run> SqliteRunStore::RequestCancel(const std::string& id, SystemTime now) {
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, database_->Begin());
  SLIPWAY_ASSIGN_OR_RETURN(Run run, ReadOne(tx, "id", id));
  if (IsFinal(run.state)) return FailedPrecondition("run '{}' has ended: {}", id, StateName(run.state));
  SLIPWAY_RETURN_IF_ERROR(tx.Run("UPDATE run SET cancel_requested = 1 WHERE number = ?", run.number));
  if (run.state == RunState::kQueued) {
    SLIPWAY_ASSIGN_OR_RETURN(run, Move(tx, id, RunState::kCanceled, now));
    SLIPWAY_RETURN_IF_ERROR(
        tx.Run("UPDATE run SET finish_time = ?, sealed = NULL, error_code = ?, error_message = ? "
               "WHERE number = ?",
               now, CodeName(Code::kCancelled), "canceled before it began", run.number));
  }
  SLIPWAY_ASSIGN_OR_RETURN(run, ReadOne(tx, "id", id));
  if (IsFinal(run.state)) SLIPWAY_RETURN_IF_ERROR(Announce(tx, run, now));
  SLIPWAY_RETURN_IF_ERROR(tx.Commit());
  return run;
}

Status SqliteRunStore::Reseal(const std::string& id, const std::string& sealed) {
  return database_->Run("UPDATE run SET sealed = ? WHERE id = ? AND sealed IS NOT NULL", db::Bytes{sealed}, id);
}

Result<std::optional<int64_t>> SqliteRunStore::OldestOfNewest(uint64_t count) {
  std::optional<int64_t> number;
  SLIPWAY_ASSIGN_OR_RETURN(db::Session session, database_->Read());
  SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows, session.Query(OldestOfNewestSql(), count - 1));
  if (rows.Next()) number = rows.Get<int64_t>(0);
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return number;
}

// Looked for while others write; only the removal holds them up.
Result<std::vector<std::string>> SqliteRunStore::Forget(const Retention& kept, size_t limit) {
  std::vector<int64_t> numbers;
  {
    SLIPWAY_ASSIGN_OR_RETURN(db::Session session, database_->Read());
    SLIPWAY_ASSIGN_OR_RETURN(numbers, ToForget(session, kept, limit));
  }
  if (numbers.empty()) return std::vector<std::string>();
  SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, database_->Begin());
  SLIPWAY_ASSIGN_OR_RETURN(std::vector<std::string> ids, Remove(tx, numbers));
  SLIPWAY_RETURN_IF_ERROR(tx.Commit());
  return ids;
}

}  // namespace slipway::store
