// Memo: what sources remember between builds, so that what did not change is not read or downloaded again. All of it
// can be lost without harm: it is a cache in one SQLite file.
//
// What came of a git blob is kept by mirror, not for all: a repository may name an object that it does not have, and
// must not get another repository's content by that. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/clock.h"
#include "executor/base/digest.h"
#include "executor/base/status.h"
#include "executor/db/database.h"

namespace slipway::source {

/// The content that a git blob became.
struct KnownBlob {
  std::string oid;  ///< 20 bytes
  Digest digest;    ///< empty in an answer: not known
  uint64_t size = 0;
  bool lfs_pointer = false;
};

/// What an address gave last, with the server's validators.
struct KnownUrl {
  Digest digest;
  uint64_t size = 0;
  std::string etag;
  std::string last_modified;  ///< as the server wrote it
  std::string server_name;
};

class Memo {
 public:
  /// `path` is the file; made if missing, started afresh if damaged.
  static Result<std::unique_ptr<Memo>> Open(const std::string& path, const Clock& clock = Clock::Real());

  /// Fills in digest, size and lfs_pointer of those that are known.
  Status FindBlobs(const std::string& mirror, std::span<KnownBlob> blobs);
  Status AddBlobs(const std::string& mirror, std::span<const KnownBlob> blobs);

  /// A tree (its encoded form in the content store) by any name of what it was made from.
  Result<std::optional<Digest>> FindTree(const std::string& key);
  Status AddTree(const std::string& key, const Digest& tree);

  /// Whether `who` (a digest over credentials; never the credentials) read the mirror's remote within the last day.
  Result<bool> MayRead(const std::string& mirror, const Digest& who);
  Status AddReader(const std::string& mirror, const Digest& who);
  /// Bytes that are mixed into digests over credentials, made once per file.
  const std::string& salt() const { return salt_; }

  Result<std::optional<KnownUrl>> FindUrl(const std::string& url);
  Status AddUrl(const std::string& url, const KnownUrl& known);

  /// Forgets all of a mirror, or what was not used since `before`.
  Status ForgetMirror(const std::string& mirror);
  Status ForgetUnused(SystemTime before);

 private:
  Memo(std::unique_ptr<db::Database> database, const Clock& clock) : database_(std::move(database)), clock_(clock) {}
  std::unique_ptr<db::Database> database_;
  const Clock& clock_;
  std::string salt_;
};

}  // namespace slipway::source
