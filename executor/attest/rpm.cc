// rpm's database: a table of headers, each a table of tags with their data behind it, numbers in network order.
#include <sqlite3.h>

#include <memory>
#include <optional>

#include "executor/attest/os_packages.h"
#include "executor/base/cleanup.h"

namespace slipway::attest {

namespace {

constexpr uint32_t kName = 1000;
constexpr uint32_t kVersion = 1001;
constexpr uint32_t kRelease = 1002;
constexpr uint32_t kEpoch = 1003;
constexpr uint32_t kLicense = 1014;
constexpr uint32_t kArch = 1022;
constexpr uint32_t kSourceRpm = 1044;
constexpr uint32_t kTypeInt32 = 4;
constexpr uint32_t kTypeString = 6;
constexpr uint32_t kMostTags = 65'535;
constexpr int kLargestHeader = 64 << 20;
// How much work a database may make: a real one needs some hundred operations a package.
constexpr int kOperationsAtOnce = 1'000'000;
constexpr int kMostTurns = 500;

uint32_t Number(std::string_view blob, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(blob[at + i]);
  return value;
}

struct Tag {
  uint32_t type = 0;
  std::string_view data;  // from its beginning to the end of all data
};

std::string StringOf(const std::optional<Tag>& tag) {
  if (!tag || tag->type != kTypeString) return "";
  return CleanField(tag->data.substr(0, tag->data.find('\0')));
}

int CountDown(void* turns) { return --*static_cast<int*>(turns) <= 0 ? 1 : 0; }

}  // namespace

Result<Package> ParseRpmHeader(std::string_view blob) {
  if (blob.size() < 8) return InvalidArgument("a header of rpm has {} bytes only", blob.size());
  const uint64_t tags = Number(blob, 0);
  const uint64_t bytes = Number(blob, 4);
  if (tags > kMostTags || 8 + tags * 16 + bytes > blob.size()) {
    return InvalidArgument("a header of rpm claims {} tags and {} bytes but has {} bytes", tags, bytes, blob.size());
  }
  const std::string_view data = blob.substr(8 + tags * 16, bytes);
  const auto find = [&](uint32_t wanted) -> std::optional<Tag> {
    for (uint64_t i = 0; i < tags; ++i) {
      const size_t at = 8 + i * 16;
      if (Number(blob, at) != wanted) continue;
      const uint32_t offset = Number(blob, at + 8);
      if (offset >= data.size()) return std::nullopt;
      return Tag{Number(blob, at + 4), data.substr(offset)};
    }
    return std::nullopt;
  };
  Package out{.type = "rpm"};
  out.name = StringOf(find(kName));
  out.version = StringOf(find(kVersion));
  if (const std::string release = StringOf(find(kRelease)); !release.empty()) out.version += "-" + release;
  out.architecture = StringOf(find(kArch));
  out.license = StringOf(find(kLicense));
  out.source = StringOf(find(kSourceRpm));
  if (const auto epoch = find(kEpoch); epoch && epoch->type == kTypeInt32 && epoch->data.size() >= 4) {
    out.epoch = std::to_string(Number(epoch->data, 0));
  }
  if (out.name.empty()) return InvalidArgument("a header of rpm names no package");
  return out;
}

Result<std::vector<Package>> ReadRpmSqlite(std::string bytes) {
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  if (bytes.size() < 100 || bytes.substr(0, kMagic.size()) != kMagic) {
    return InvalidArgument("this is no SQLite database");
  }
  // A database that was written with a log (rpm's are) cannot be opened from memory until it says otherwise.
  bytes[18] = 1;
  bytes[19] = 1;
  sqlite3* handle = nullptr;
  const int opened = ::sqlite3_open_v2(":memory:", &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_PRIVATECACHE, nullptr);
  const std::unique_ptr<sqlite3, decltype(&::sqlite3_close)> db(handle, &::sqlite3_close);
  const auto fail = [&](std::string_view what) {
    return InvalidArgument("rpm's database cannot be read: {}: {}", what, ::sqlite3_errmsg(db.get()));
  };
  if (opened != SQLITE_OK) return fail("open");
  int turns = kMostTurns;
  ::sqlite3_progress_handler(db.get(), kOperationsAtOnce, &CountDown, &turns);
  ::sqlite3_limit(db.get(), SQLITE_LIMIT_LENGTH, kLargestHeader);
  ::sqlite3_db_config(db.get(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  ::sqlite3_db_config(db.get(), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  ::sqlite3_db_config(db.get(), SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  if (::sqlite3_deserialize(db.get(), "main", reinterpret_cast<unsigned char*>(bytes.data()),
                            static_cast<sqlite3_int64>(bytes.size()), static_cast<sqlite3_int64>(bytes.size()),
                            SQLITE_DESERIALIZE_READONLY) != SQLITE_OK) {
    return fail("open");
  }
  sqlite3_stmt* prepared = nullptr;
  if (::sqlite3_prepare_v2(db.get(), "SELECT blob FROM Packages ORDER BY hnum", -1, &prepared, nullptr) != SQLITE_OK) {
    return fail("its table of packages");
  }
  const std::unique_ptr<sqlite3_stmt, decltype(&::sqlite3_finalize)> rows(prepared, &::sqlite3_finalize);
  std::vector<Package> out;
  int step = SQLITE_ROW;
  while ((step = ::sqlite3_step(rows.get())) == SQLITE_ROW && out.size() < kMostPackages) {
    const auto* blob = static_cast<const char*>(::sqlite3_column_blob(rows.get(), 0));
    const int size = ::sqlite3_column_bytes(rows.get(), 0);
    auto package = ParseRpmHeader(std::string_view(blob == nullptr ? "" : blob, static_cast<size_t>(size)));
    // Keys are kept as packages of this name, without architecture.
    if (package.ok() && package->name != "gpg-pubkey") out.push_back(*std::move(package));
  }
  if (step != SQLITE_ROW && step != SQLITE_DONE) return fail("its packages");
  return out;
}

}  // namespace slipway::attest
