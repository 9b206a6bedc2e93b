#include <sqlite3.h>

#include "executor/base/log.h"
#include "executor/db/connection.h"
#include "executor/db/database.h"

namespace slipway::db {

Statement::Statement(Statement&& other) noexcept
    : connection_(std::exchange(other.connection_, nullptr)),
      stmt_(std::exchange(other.stmt_, nullptr)),
      done_(other.done_),
      failure_(std::exchange(other.failure_, Status())) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  if (this != &other) {
    GiveBack();
    connection_ = std::exchange(other.connection_, nullptr);
    stmt_ = std::exchange(other.stmt_, nullptr);
    done_ = other.done_;
    failure_ = std::exchange(other.failure_, Status());
  }
  return *this;
}

Statement::~Statement() { GiveBack(); }

void Statement::GiveBack() {
  if (!failure_.ok()) spdlog::error("{}; nobody asked for it", failure_.message());
  failure_ = Status();
  if (stmt_ != nullptr) connection_->GiveBack(std::exchange(stmt_, nullptr));
}

Status Statement::Check(int result) {
  return result == SQLITE_OK ? Status() : connection_->Error(result, sqlite3_sql(stmt_));
}

Status Statement::Restart(size_t parameters) {
  sqlite3_reset(stmt_);
  sqlite3_clear_bindings(stmt_);
  done_ = false;
  failure_ = Status();
  const auto wanted = static_cast<size_t>(sqlite3_bind_parameter_count(stmt_));
  if (parameters == wanted) return Status();
  return Internal("'{}' takes {} parameters and was given {}", sqlite3_sql(stmt_), wanted, parameters);
}

bool Statement::Next() {
  if (done_ || !failure_.ok()) return false;
  const int result = sqlite3_step(stmt_);
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) {
    done_ = true;
  } else {
    failure_ = Check(result);
  }
  return false;
}

Status Statement::Finish() {
  sqlite3_reset(stmt_);
  done_ = true;
  return std::exchange(failure_, Status());
}

Status Statement::Run() {
  while (Next()) {
  }
  return Finish();
}

Status Statement::BindNull(int index) { return Check(sqlite3_bind_null(stmt_, index)); }
Status Statement::BindInt(int index, int64_t value) { return Check(sqlite3_bind_int64(stmt_, index, value)); }
Status Statement::BindReal(int index, double value) { return Check(sqlite3_bind_double(stmt_, index, value)); }

Status Statement::BindText(int index, std::string_view value) {
  // A null pointer would be stored as NULL; an empty text is not NULL.
  const char* data = value.data() != nullptr ? value.data() : "";
  return Check(sqlite3_bind_text64(stmt_, index, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

Status Statement::BindBytes(int index, std::string_view value) {
  if (value.empty()) return Check(sqlite3_bind_zeroblob(stmt_, index, 0));
  return Check(sqlite3_bind_blob64(stmt_, index, value.data(), value.size(), SQLITE_TRANSIENT));
}

Status Statement::BindDigest(int index, const Digest& value) {
  if (value.empty()) return BindNull(index);
  return Check(sqlite3_bind_blob64(stmt_, index, value.bytes().data(), Digest::kSize, SQLITE_TRANSIENT));
}

bool Statement::IsNull(int column) const { return sqlite3_column_type(stmt_, column) == SQLITE_NULL; }
int64_t Statement::Int(int column) const { return sqlite3_column_int64(stmt_, column); }
double Statement::Real(int column) const { return sqlite3_column_double(stmt_, column); }

std::string_view Statement::Text(int column) const {
  const void* data = sqlite3_column_blob(stmt_, column);
  const auto size = static_cast<size_t>(sqlite3_column_bytes(stmt_, column));
  return data != nullptr ? std::string_view(static_cast<const char*>(data), size) : std::string_view();
}

Digest Statement::DigestAt(int column) const {
  const std::string_view raw = Text(column);
  if (raw.size() != Digest::kSize) return Digest();
  std::array<uint8_t, Digest::kSize> bytes{};
  std::copy(raw.begin(), raw.end(), bytes.begin());
  return Digest(bytes);
}

}  // namespace slipway::db
