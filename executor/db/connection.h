// Connection: one handle of SQLite with the statements prepared on it. Internal to this folder. Used by one thread at a
// time.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "executor/base/status.h"
#include "executor/db/database.h"

struct sqlite3;

namespace slipway::db {

class Connection {
 public:
  enum class Role { kWriter, kReader };

  /// Opens the file and proves that it is a database by reading its schema.
  static Result<std::unique_ptr<Connection>> Open(const std::string& path, const Options& options, Role role);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Result<Statement> Prepare(std::string_view sql);
  /// Runs a script; for pragmas, transactions and migrations.
  Status Execute(const std::string& sql);
  /// The first column of the first row as a number.
  Result<int64_t> QueryInt(std::string_view sql);
  bool InTransaction() const;
  int64_t changes() const;
  int64_t last_insert_id() const;

  /// The Status for a result code other than OK, ROW and DONE. `sql` says what was tried.
  Status Error(int result, std::string_view sql) const;

  /// The name of the file whose presence says that the database was found damaged while in use.
  static std::string DamageMark(const std::string& path) { return path + ".damaged"; }

 private:
  friend class Statement;
  Connection(std::string path, OnDamage on_damage) : path_(std::move(path)), on_damage_(on_damage) {}
  void GiveBack(sqlite3_stmt* stmt);
  void DropIdle();

  const std::string path_;
  const OnDamage on_damage_;
  sqlite3* handle_ = nullptr;
  std::multimap<std::string, sqlite3_stmt*, std::less<>> idle_;  // prepared and not on loan, by their SQL
};

}  // namespace slipway::db
