#include "executor/db/connection.h"

#include <sqlite3.h>

#include "executor/base/fs.h"
#include "executor/base/log.h"

namespace slipway::db {

namespace {

// Only SQL that is made up as the program goes could pass this; then all are dropped and prepared again.
constexpr size_t kMostIdleStatements = 128;

bool DiskIsFull(int system_error) { return system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG; }

Code CodeOf(int extended, int system_error) {
  switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID: return Code::kAlreadyExists;
    default: break;
  }
  switch (extended & 0xff) {
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG: return Code::kResourceExhausted;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return Code::kUnavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Code::kDataLoss;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH: return Code::kPermissionDenied;
    case SQLITE_CONSTRAINT: return Code::kFailedPrecondition;
    case SQLITE_INTERRUPT: return Code::kCancelled;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      if (DiskIsFull(system_error)) return Code::kResourceExhausted;
      return system_error != 0 ? ErrnoStatus(system_error, "").code() : Code::kUnknown;
    case SQLITE_ERROR:
    case SQLITE_MISMATCH:
    case SQLITE_MISUSE:
    case SQLITE_RANGE: return Code::kInternal;
    default: return Code::kUnknown;
  }
}

std::string OneLine(std::string_view sql) {
  constexpr size_t kShown = 120;
  std::string out;
  for (const char c : sql) {
    const bool space = c == ' ' || c == '\n' || c == '\t';
    if (out.size() == kShown) return out + "…";
    if (!space) {
      out.push_back(c);
    } else if (!out.empty() && out.back() != ' ') {
      out.push_back(' ');
    }
  }
  return out;
}

// NORMAL: a commit is written but not synced (log_sync.h does that), while whatever moves the log into the file syncs
// both in the order that keeps them consistent.
std::string Pragmas(Connection::Role role) {
  std::string out = fmt::format(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
      "PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = {}; PRAGMA cache_size = {};",
      16 << 20, role == Connection::Role::kWriter ? -8192 : -2048);
  if (role == Connection::Role::kReader) out += "PRAGMA query_only = ON;";
  return out;
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::Open(const std::string& path, const Options& options, Role role) {
  std::unique_ptr<Connection> connection(new Connection(path, options.on_damage));
  // No mutex of SQLite's own: a connection is used by one thread at a time.
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int opened = sqlite3_open_v2(path.c_str(), &connection->handle_, kFlags, nullptr);
  if (opened != SQLITE_OK) return connection->Error(opened, "open");
  sqlite3_busy_timeout(connection->handle_, static_cast<int>(options.busy_timeout.count()));
  SLIPWAY_RETURN_IF_ERROR(connection->Execute(Pragmas(role)));
  SLIPWAY_RETURN_IF_ERROR(connection->QueryInt("SELECT count(*) FROM sqlite_schema").status());
  return connection;
}

Connection::~Connection() {
  DropIdle();
  if (sqlite3_close(handle_) != SQLITE_OK) {
    // A statement outlived its loan, which is our own bug; the handle goes with the last of them.
    spdlog::error("database '{}': closed with statements in use", path_);
    sqlite3_close_v2(handle_);
  }
}

void Connection::DropIdle() {
  for (const auto& [sql, stmt] : idle_) sqlite3_finalize(stmt);
  idle_.clear();
}

Result<Statement> Connection::Prepare(std::string_view sql) {
  if (const auto it = idle_.find(sql); it != idle_.end()) {
    sqlite3_stmt* stmt = it->second;
    idle_.erase(it);
    return Statement(this, stmt);
  }
  sqlite3_stmt* stmt = nullptr;
  const int result =
      sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &stmt, nullptr);
  if (result != SQLITE_OK) return Error(result, sql);
  if (stmt == nullptr) return Internal("database '{}': there is no statement in '{}'", path_, OneLine(sql));
  return Statement(this, stmt);
}

void Connection::GiveBack(sqlite3_stmt* stmt) {
  sqlite3_reset(stmt);
  sqlite3_clear_bindings(stmt);
  if (idle_.size() >= kMostIdleStatements) DropIdle();
  idle_.emplace(sqlite3_sql(stmt), stmt);
}

Status Connection::Execute(const std::string& sql) {
  const int result = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  return result == SQLITE_OK ? Status() : Error(result, sql);
}

Result<int64_t> Connection::QueryInt(std::string_view sql) {
  SLIPWAY_ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  const int64_t value = statement.Next() ? statement.Get<int64_t>(0) : 0;
  SLIPWAY_RETURN_IF_ERROR(statement.Finish());
  return value;
}

bool Connection::InTransaction() const { return sqlite3_get_autocommit(handle_) == 0; }
int64_t Connection::changes() const { return sqlite3_changes64(handle_); }
int64_t Connection::last_insert_id() const { return sqlite3_last_insert_rowid(handle_); }

Status Connection::Error(int result, std::string_view sql) const {
  const int system_error = handle_ != nullptr ? sqlite3_system_errno(handle_) : 0;
  const Code code = CodeOf(result, system_error);
  if (code == Code::kDataLoss && on_damage_ == OnDamage::kDiscard) {
    fs::Open(DamageMark(path_), O_WRONLY | O_CREAT, 0600).status().Ignore();
  }
  const char* text = handle_ != nullptr && sqlite3_extended_errcode(handle_) == result ? sqlite3_errmsg(handle_)
                                                                                       : sqlite3_errstr(result);
  const bool with_errno = system_error != 0 && ((result & 0xff) == SQLITE_IOERR || (result & 0xff) == SQLITE_CANTOPEN);
  return Status(code,
                fmt::format("database '{}': {}: {}{}", path_, OneLine(sql), text,
                            with_errno ? fmt::format(" ({})", ErrnoStatus(system_error, "errno").message()) : ""));
}

}  // namespace slipway::db
