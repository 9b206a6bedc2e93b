#include "executor/db/log_room.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "executor/base/fs.h"
#include "executor/db/connection.h"

namespace slipway::db {

namespace {

// SQLite moves the log into the file from 1000 pages of 4 KiB on; the transaction that gets there comes on top.
constexpr int64_t kLogRoom = 4608 << 10;
constexpr int64_t kZeros = 64 << 10;

Status Lengthen(int fd, int64_t from) {
  const std::string zeros(kZeros, '\0');
  for (int64_t at = from; at < kLogRoom; at += kZeros) {
    const auto size = static_cast<size_t>(std::min(kZeros, kLogRoom - at));
    SLIPWAY_RETURN_IF_ERROR(fs::WriteAllAt(fd, std::string_view(zeros).substr(0, size), at));
  }
  return Status();
}

Status TakeRoom(const std::string& log) {
  SLIPWAY_ASSIGN_OR_RETURN(const UniqueFd fd, fs::Open(log, O_WRONLY));
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return ErrnoStatus(errno, fmt::format("stat '{}'", log));
  Status status = Lengthen(fd.get(), st.st_size);
  if (!status.ok() && ::ftruncate(fd.get(), st.st_size) != 0) {
    return ErrnoStatus(errno, fmt::format("shorten '{}'", log));
  }
  return status;
}

}  // namespace

Status TakeLogRoom(Connection& writer, const std::string& database) {
  SLIPWAY_RETURN_IF_ERROR(writer.Execute("BEGIN IMMEDIATE"));  // nobody else writes the log now
  const Status taken = TakeRoom(database + "-wal");
  SLIPWAY_RETURN_IF_ERROR(writer.Execute("ROLLBACK"));
  return taken;
}

}  // namespace slipway::db
