// Database: SQLite with our errors. Content records, the solver's cache and the daemon's run store stand on it.
//
// One connection writes, a few read. A Transaction owns the writer until it ends (others wait for it in Begin), a
// Session owns one of the readers and sees the last commit; both are used by one thread at a time, the Database by any.
// The file is in WAL mode, and a commit is on disk when Commit returns unless Options say otherwise. Commits of several
// threads share a sync (log_sync.h), so others may see a commit a moment before it is on disk.
//
//   SLIPWAY_ASSIGN_OR_RETURN(db::Transaction tx, database->Begin());
//   SLIPWAY_RETURN_IF_ERROR(tx.Run("INSERT INTO run (id, created) VALUES (?, ?)", id, clock.System()));
//   SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows, tx.Query("SELECT id FROM run WHERE state = ?", "Queued"));
//   while (rows.Next()) ids.push_back(rows.Get<std::string>(0));
//   SLIPWAY_RETURN_IF_ERROR(rows.Finish());
//   return tx.Commit();
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "executor/base/clock.h"
#include "executor/base/digest.h"
#include "executor/base/status.h"

struct sqlite3_stmt;

namespace slipway::db {

class Connection;  // internal: a handle of SQLite with its prepared statements

/// Bytes to be stored as a BLOB; a std::string_view is stored as TEXT.
struct Bytes {
  std::string_view view;
};

/// A prepared statement on loan from its connection, reset and given back when destroyed. Must not outlive the
/// Transaction or Session it comes from.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  /// Binds all parameters in order, from the first; what was bound and read before is forgotten. Integers, bool,
  /// double, text, Bytes, Digest (32 bytes; NULL if empty), SystemTime (nanoseconds since 1970), nullptr and
  /// std::optional.
  template <typename... Args>
  Status Bind(const Args&... args) {
    Status status = Restart(sizeof...(Args));
    int index = 0;
    ((status = status.ok() ? BindOne(++index, args) : status), ...);
    return status;
  }

  /// Steps to the next row; false at the end and on failure, which Finish() tells apart.
  bool Next();
  /// Ends the reading. Why Next() returned false: OK at the end of the rows. Always ask (a destroyed one logs an
  /// error).
  Status Finish();
  /// For statements without rows: runs to the end.
  Status Run();

  bool IsNull(int column) const;
  /// The value of a column of the current row: an integer type, bool, double, std::string, std::string_view (text or
  /// blob, valid until the next call), Digest, SystemTime, or std::optional of these (nullopt for NULL). As SQLite
  /// converts: NULL is 0 or empty, numbers out of the type's range are clamped.
  template <typename T>
  T Get(int column) const {
    if constexpr (IsOptional<T>::value) {
      return IsNull(column) ? T() : T(Get<typename T::value_type>(column));
    } else if constexpr (std::is_same_v<T, bool>) {
      return Int(column) != 0;
    } else if constexpr (std::is_enum_v<T>) {
      return static_cast<T>(Int(column));
    } else if constexpr (std::is_same_v<T, uint64_t>) {
      return static_cast<uint64_t>(Int(column));  // kept bit by bit, see BindOne
    } else if constexpr (std::is_integral_v<T>) {
      return Clamp<T>(Int(column));
    } else if constexpr (std::is_same_v<T, double>) {
      return Real(column);
    } else if constexpr (std::is_same_v<T, Digest>) {
      return DigestAt(column);
    } else if constexpr (std::is_same_v<T, SystemTime>) {
      return SystemTime(std::chrono::nanoseconds(Int(column)));
    } else {
      static_assert(std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>);
      return T(Text(column));
    }
  }

 private:
  friend class Connection;
  template <typename T>
  struct IsOptional : std::false_type {};
  template <typename T>
  struct IsOptional<std::optional<T>> : std::true_type {};

  template <typename T>
  static T Clamp(int64_t value) {
    if (std::cmp_less(value, std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
    if (std::cmp_greater(value, std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
    return static_cast<T>(value);
  }

  template <typename T>
  Status BindOne(int index, const T& value) {
    if constexpr (IsOptional<T>::value) {
      return value ? BindOne(index, *value) : BindNull(index);
    } else if constexpr (std::is_same_v<T, std::nullptr_t>) {
      return BindNull(index);
    } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
      return BindInt(index, static_cast<int64_t>(value));
    } else if constexpr (std::is_floating_point_v<T>) {
      return BindReal(index, static_cast<double>(value));
    } else if constexpr (std::is_same_v<T, Digest>) {
      return BindDigest(index, value);
    } else if constexpr (std::is_same_v<T, SystemTime>) {
      return BindInt(index, std::chrono::duration_cast<std::chrono::nanoseconds>(value.time_since_epoch()).count());
    } else if constexpr (std::is_same_v<T, Bytes>) {
      return BindBytes(index, value.view);
    } else {
      return BindText(index, value);
    }
  }

  Statement(Connection* connection, sqlite3_stmt* stmt) : connection_(connection), stmt_(stmt) {}
  void GiveBack();
  Status Restart(size_t parameters);
  Status BindNull(int index);
  Status BindInt(int index, int64_t value);
  Status BindReal(int index, double value);
  Status BindText(int index, std::string_view value);
  Status BindBytes(int index, std::string_view value);
  Status BindDigest(int index, const Digest& value);
  Status Check(int result);
  int64_t Int(int column) const;
  double Real(int column) const;
  std::string_view Text(int column) const;
  Digest DigestAt(int column) const;

  Connection* connection_ = nullptr;
  sqlite3_stmt* stmt_ = nullptr;
  bool done_ = false;  // the last row was passed; one more step would begin again
  Status failure_;     // of Next(), until Finish() hands it out
};

/// What a Transaction and a Session have in common: running SQL on the connection they own.
class Access {
 public:
  /// Prepared once for each connection and kept. Only one statement of SQL may be given, values as `?`.
  Result<Statement> Prepare(std::string_view sql);
  /// Prepares and binds; read the rows with Next().
  template <typename... Args>
  Result<Statement> Query(std::string_view sql, const Args&... args) {
    SLIPWAY_ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
    SLIPWAY_RETURN_IF_ERROR(statement.Bind(args...));
    return statement;
  }

 protected:
  friend class Database;
  Access() = default;
  explicit Access(Connection* connection) : connection_(connection) {}
  Connection* connection_ = nullptr;
};

class Database;

/// Reads on a connection of its own, given back when destroyed. All its queries see the state at the first of them.
/// Hold it briefly: there are few, and what is written meanwhile piles up behind it.
class Session : public Access {
 public:
  Session(Session&& other) noexcept;
  Session& operator=(Session&& other) noexcept;
  ~Session();

 private:
  friend class Database;
  Session(Database* database, Connection* connection) : Access(connection), database_(database) {}
  Database* database_ = nullptr;
};

/// The one write transaction (BEGIN IMMEDIATE). Destroyed without Commit, it is rolled back.
class Transaction : public Access {
 public:
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&& other) noexcept;
  ~Transaction();

  /// Runs one statement without rows. ALREADY_EXISTS if a unique key is taken, FAILED_PRECONDITION for other
  /// constraints.
  template <typename... Args>
  Status Run(std::string_view sql, const Args&... args) {
    SLIPWAY_ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
    SLIPWAY_RETURN_IF_ERROR(statement.Bind(args...));
    return statement.Run();
  }
  /// Runs a script of several statements without parameters.
  Status RunScript(std::string_view sql);
  /// Rows that the last INSERT, UPDATE or DELETE touched.
  int64_t changes() const;
  int64_t last_insert_id() const;

  /// Ends it: all is on disk, or the error and nothing was changed; but where the disk fails in the sync itself, what
  /// was changed is seen and may be lost with power. Statements must be gone by then.
  /// `seen` is called when others see the change, before the disk has it: for what may begin meanwhile. Not called where
  /// nothing was changed.
  Status Commit(const std::function<void()>& seen = nullptr);
  /// As Commit, but it waits for no disk: where loss of power comes within about a second, it may undo this and what
  /// was committed by CommitLater since. The end of this process alone undoes nothing.
  Status CommitLater();
  void Rollback();

 private:
  friend class Database;
  Transaction(Database* database, Connection* connection) : Access(connection), database_(database) {}
  Status CommitToLog();
  Database* database_ = nullptr;  // nullptr once ended
};

enum class Durability {
  kFull,   ///< what Commit has returned survives loss of power
  kCache,  ///< the last commits may be lost with power, never consistency: for what can be computed again
};

enum class OnDamage {
  kFail,     ///< DATA_LOSS: a person must decide
  kDiscard,  ///< start afresh with an empty file and say so in the log: for what can be computed again
};

struct Options {
  Durability durability = Durability::kFull;
  OnDamage on_damage = OnDamage::kFail;
  /// How many Sessions there may be at once; a further Read() waits.
  size_t readers = 4;
  /// How long to wait for a lock that another process holds before UNAVAILABLE.
  std::chrono::milliseconds busy_timeout = std::chrono::seconds(10);
};

/// One step of a schema: `sql` (a script) leads from the version before to `version`.
struct Migration {
  int version = 0;
  std::string_view sql;
};

class Database {
 public:
  /// Opens or makes the file (mode 0600); its folder must exist. DATA_LOSS if it is damaged or no database.
  static Result<std::unique_ptr<Database>> Open(const std::string& path, const Options& options = {});
  /// No Session or Transaction may be left.
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Brings the schema to the last of `migrations` (ascending versions, from 1), each in a transaction of its own.
  /// FAILED_PRECONDITION if the file was written by a newer program.
  Status Migrate(std::span<const Migration> migrations);

  /// Waits for the writer. A thread that holds a Transaction must not ask for another.
  Result<Transaction> Begin();
  /// Waits for a reader.
  Result<Session> Read();
  /// One write in a transaction of its own.
  template <typename... Args>
  Status Run(std::string_view sql, const Args&... args) {
    SLIPWAY_ASSIGN_OR_RETURN(Transaction tx, Begin());
    SLIPWAY_RETURN_IF_ERROR(tx.Run(sql, args...));
    return tx.Commit();
  }

  const std::string& path() const;

 private:
  friend class Session;
  friend class Transaction;
  struct Impl;
  explicit Database(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::db
