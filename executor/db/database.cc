#include "executor/db/database.h"

#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <vector>

#include "executor/base/fs.h"
#include "executor/base/log.h"
#include "executor/db/connection.h"
#include "executor/db/log_room.h"
#include "executor/db/log_sync.h"

namespace slipway::db {

struct Database::Impl {
  std::string path;
  Options options;
  std::unique_ptr<Connection> writer;
  std::unique_ptr<LogSync> log;  // Durability::kFull

  std::mutex mutex;
  std::condition_variable changed;
  bool writing = false;                                   // guarded by mutex: the writer is on loan
  size_t reading = 0;                                     // guarded by mutex: readers on loan
  std::vector<std::unique_ptr<Connection>> idle_readers;  // guarded by mutex
};

namespace {

constexpr std::string_view kSuffixes[] = {"", "-wal", "-shm", ".damaged"};

Status RemoveFiles(const std::string& path) {
  for (const std::string_view suffix : kSuffixes) {
    const std::string name = fmt::format("{}{}", path, suffix);
    if (::unlink(name.c_str()) != 0 && errno != ENOENT) return ErrnoStatus(errno, fmt::format("remove '{}'", name));
  }
  return Status();
}

// SQLite would make the file readable by all; what stands in it is nobody else's concern. Its side files follow its
// mode. A file that is there is not opened: closing it would take away the locks that this process has on it already,
// and another that looks into the database would then remove its log as if nobody used that.
Result<std::unique_ptr<Connection>> OpenWriter(const std::string& path, const Options& options) {
  const Status made = fs::Open(path, O_RDWR | O_CREAT | O_EXCL, 0600).status();
  if (!made.ok() && made.code() != Code::kAlreadyExists) return made.With("database");
  return Connection::Open(path, options, Connection::Role::kWriter);
}

}  // namespace

Database::Database(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Database::~Database() {
  assert(!impl_->writing && impl_->reading == 0);
  // The last connection to close moves the log into the file, and readers may not write.
  impl_->idle_readers.clear();
}

Result<std::unique_ptr<Database>> Database::Open(const std::string& path, const Options& options) {
  const bool may_discard = options.on_damage == OnDamage::kDiscard;
  if (may_discard && fs::Exists(Connection::DamageMark(path))) {
    spdlog::warn("database '{}' was found damaged: starting with an empty one", path);
    SLIPWAY_RETURN_IF_ERROR(RemoveFiles(path));
  }
  auto writer = OpenWriter(path, options);
  if (may_discard && writer.code() == Code::kDataLoss) {
    spdlog::warn("{}: starting with an empty one", writer.status().message());
    SLIPWAY_RETURN_IF_ERROR(RemoveFiles(path));
    writer = OpenWriter(path, options);
  }
  if (!writer.ok()) return std::move(writer).status();
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->options = options;
  impl->options.readers = std::max<size_t>(options.readers, 1);
  impl->writer = std::move(writer).value();
  if (options.durability == Durability::kFull) {
    // Only faster with it.
    if (Status taken = TakeLogRoom(*impl->writer, path); !taken.ok()) spdlog::debug("{}", taken.message());
    impl->log = std::make_unique<LogSync>(path);
  }
  return std::unique_ptr<Database>(new Database(std::move(impl)));
}

const std::string& Database::path() const { return impl_->path; }

Status Database::Migrate(std::span<const Migration> migrations) {
  const int newest = migrations.empty() ? 0 : migrations.back().version;
  for (const Migration& step : migrations) {
    SLIPWAY_ASSIGN_OR_RETURN(Transaction tx, Begin());
    // Read under the write lock: another process may be doing the same.
    SLIPWAY_ASSIGN_OR_RETURN(const int64_t version, impl_->writer->QueryInt("PRAGMA user_version"));
    if (version > newest) {
      return FailedPrecondition(
          "database '{}' has schema version {} and this program knows versions up to {}: run the newer program that "
          "wrote "
          "it, or restore the copy made before the upgrade",
          path(), version, newest);
    }
    if (version >= step.version) continue;
    SLIPWAY_RETURN_IF_ERROR(tx.RunScript(step.sql).With(fmt::format("migrate to schema version {}", step.version)));
    SLIPWAY_RETURN_IF_ERROR(tx.RunScript(fmt::format("PRAGMA user_version = {}", step.version)));
    SLIPWAY_RETURN_IF_ERROR(tx.Commit().With(fmt::format("migrate to schema version {}", step.version)));
  }
  return Status();
}

Result<Transaction> Database::Begin() {
  {
    std::unique_lock lock(impl_->mutex);
    impl_->changed.wait(lock, [this] { return !impl_->writing; });
    impl_->writing = true;
  }
  Transaction tx(this, impl_->writer.get());
  SLIPWAY_RETURN_IF_ERROR(impl_->writer->Execute("BEGIN IMMEDIATE"));
  return tx;
}

Result<Session> Database::Read() {
  std::unique_ptr<Connection> connection;
  {
    std::unique_lock lock(impl_->mutex);
    impl_->changed.wait(lock, [this] { return impl_->reading < impl_->options.readers; });
    ++impl_->reading;
    if (!impl_->idle_readers.empty()) {
      connection = std::move(impl_->idle_readers.back());
      impl_->idle_readers.pop_back();
    }
  }
  Session session(this, connection.release());
  if (session.connection_ == nullptr) {
    SLIPWAY_ASSIGN_OR_RETURN(connection, Connection::Open(impl_->path, impl_->options, Connection::Role::kReader));
    session.connection_ = connection.release();
  }
  SLIPWAY_RETURN_IF_ERROR(session.connection_->Execute("BEGIN"));
  return session;
}

Session::Session(Session&& other) noexcept
    : Access(std::exchange(other.connection_, nullptr)), database_(std::exchange(other.database_, nullptr)) {}

Session& Session::operator=(Session&& other) noexcept {
  if (this != &other) {
    Session old(std::move(*this));
    connection_ = std::exchange(other.connection_, nullptr);
    database_ = std::exchange(other.database_, nullptr);
  }
  return *this;
}

Session::~Session() {
  if (database_ == nullptr) return;
  std::unique_ptr<Connection> connection(connection_);
  // A connection that cannot end its reading is closed rather than lent again.
  if (connection && connection->InTransaction() && !connection->Execute("ROLLBACK").ok()) connection.reset();
  Database::Impl& impl = *database_->impl_;
  {
    std::lock_guard lock(impl.mutex);
    --impl.reading;
    if (connection) impl.idle_readers.push_back(std::move(connection));
  }
  impl.changed.notify_all();
}

Transaction::Transaction(Transaction&& other) noexcept
    : Access(std::exchange(other.connection_, nullptr)), database_(std::exchange(other.database_, nullptr)) {}

Transaction& Transaction::operator=(Transaction&& other) noexcept {
  if (this != &other) {
    Rollback();
    connection_ = std::exchange(other.connection_, nullptr);
    database_ = std::exchange(other.database_, nullptr);
  }
  return *this;
}

Transaction::~Transaction() { Rollback(); }

Status Transaction::RunScript(std::string_view sql) { return connection_->Execute(std::string(sql)); }
int64_t Transaction::changes() const { return connection_->changes(); }
int64_t Transaction::last_insert_id() const { return connection_->last_insert_id(); }

Status Transaction::Commit(const std::function<void()>& seen) {
  LogSync* log = database_ != nullptr ? database_->impl_->log.get() : nullptr;
  SLIPWAY_RETURN_IF_ERROR(CommitToLog());  // which lets the next one write
  if (seen) seen();
  return log != nullptr ? log->Reach() : Status();
}

Status Transaction::CommitLater() {
  LogSync* log = database_ != nullptr ? database_->impl_->log.get() : nullptr;
  SLIPWAY_RETURN_IF_ERROR(CommitToLog());
  if (log != nullptr) log->ReachSoon();
  return Status();
}

Status Transaction::CommitToLog() {
  if (database_ == nullptr) return Internal("commit of a transaction that has ended");
  Status status;
  if (connection_->InTransaction()) {
    status = connection_->Execute("COMMIT");
  } else {
    status =
        Aborted("database '{}': the transaction was rolled back when one of its statements failed", database_->path());
  }
  Rollback();
  return status;
}

void Transaction::Rollback() {
  if (database_ == nullptr) return;
  if (connection_->InTransaction()) {
    if (Status status = connection_->Execute("ROLLBACK"); !status.ok()) spdlog::error("{}", status.message());
  }
  Database::Impl& impl = *std::exchange(database_, nullptr)->impl_;
  {
    std::lock_guard lock(impl.mutex);
    impl.writing = false;
  }
  impl.changed.notify_all();
}

Result<Statement> Access::Prepare(std::string_view sql) { return connection_->Prepare(sql); }

}  // namespace slipway::db
