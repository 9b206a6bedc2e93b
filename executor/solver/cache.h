// CacheStore: what vertices gave, by cache key, across restarts.
//
// A record is stored under its content key and found through it or through aliases that led to it: definition keys and
// links (see solver.h). Beside it stand explanations: what keys were made of, by the place in a Dockerfile, so that a
// miss can be explained; the latest few of each place only, and they outlive their records. Chains are kept as a tree,
// since most are another one and a layer. Every look-up goes by an index; a million records are not slower than a
// thousand. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/digest.h"
#include "executor/base/status.h"
#include "executor/db/database.h"
#include "executor/layer/store.h"
#include "executor/solver/chain_rows.h"
#include "executor/solver/explain.h"

namespace slipway::solver {

struct CacheRecord {
  Digest key;          ///< content key
  layer::Chain chain;  ///< the file system it gave
  std::string name;    ///< of the vertex, for people
};

/// Where in which Dockerfile a vertex stands.
struct RecordPlace {
  Digest scope;        ///< Dockerfile, stage and platform
  Digest instruction;  ///< its text
  int step = 0;
};

struct Explanation {
  Digest key;
  SystemTime created;
  KeyParts parts;
};

class CacheStore {
 public:
  static Result<std::unique_ptr<CacheStore>> Open(const std::string& path);

  /// Counts as a use.
  Result<std::optional<CacheRecord>> Find(const Digest& content_key);
  Result<std::optional<CacheRecord>> FindByAlias(const Digest& alias);
  /// The content key that an alias leads to, and nothing more.
  Result<std::optional<Digest>> FindKey(const Digest& alias);
  /// Stores or replaces, and lets `alias` lead to it.
  Status Put(const Digest& alias, const CacheRecord& record);
  /// Lets another alias lead to a record. Of a record's aliases the latest few are kept.
  Status Link(const Digest& alias, const Digest& content_key);
  Status Remove(const Digest& content_key);

  Status Explain(const RecordPlace& place, const Digest& key, const KeyParts& parts);
  /// Earlier ones to compare with, the nearest first: of the same instruction in the same scope; else of the same step
  /// there; else of the same instruction and step anywhere.
  Result<std::vector<Explanation>> Nearest(const RecordPlace& place);

  Result<int64_t> Count();
  /// Size of the database file.
  Result<uint64_t> Bytes();
  /// Layers of all records, each once.
  Result<std::vector<layer::Key>> Layers();
  /// Forgets the least recently used records; how many there were.
  Result<int64_t> DropOldest(int64_t count);

  /// The statements that look something up, for a test that they all go by an index.
  static std::vector<std::string_view> LookUps();

 private:
  explicit CacheStore(std::unique_ptr<db::Database> db) : db_(std::move(db)) {}
  Result<std::optional<CacheRecord>> Query(std::string_view sql, const Digest& key);
  std::unique_ptr<db::Database> db_;
  ChainRows chains_;
};

}  // namespace slipway::solver
