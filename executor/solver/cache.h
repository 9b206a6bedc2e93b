// CacheStore: what vertices gave, by cache key, across restarts.
//
// A record is stored under its content key and found through it or through definition keys that led to it. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "executor/base/digest.h"
#include "executor/base/status.h"
#include "executor/db/database.h"
#include "executor/layer/store.h"

namespace slipway::solver {

struct CacheRecord {
  Digest key;          ///< content key
  layer::Chain chain;  ///< the file system it gave
  std::string name;    ///< of the vertex, for people
  /// What the key was made of, a line each ("copy src/main.c sha256:…", "env A=1"), so that a miss can be explained.
  std::string explain;
};

class CacheStore {
 public:
  static Result<std::unique_ptr<CacheStore>> Open(const std::string& path);

  /// Counts as a use.
  Result<std::optional<CacheRecord>> Find(const Digest& content_key);
  Result<std::optional<CacheRecord>> FindByDefinition(const Digest& definition);
  /// Stores or replaces, and lets `definition` lead to it.
  Status Put(const Digest& definition, const CacheRecord& record);
  Status Link(const Digest& definition, const Digest& content_key);
  Status Remove(const Digest& content_key);
  /// All records, the least recently used first.
  Result<std::vector<CacheRecord>> ByAge();

 private:
  explicit CacheStore(std::unique_ptr<db::Database> db) : db_(std::move(db)) {}
  Result<std::optional<CacheRecord>> Query(std::string_view sql, const Digest& key);
  std::unique_ptr<db::Database> db_;
};

}  // namespace slipway::solver
