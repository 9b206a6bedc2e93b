// ChainRows: chains as rows of the cache's database. A row is a layer on another row, so that a chain and the same
// chain with one more layer share all but one of them.
//
// The steps of a build store chains that grow by a layer each. What was found once is remembered, so that a step asks
// for its last layers only and not for all that is below them again.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>

#include "executor/base/status.h"
#include "executor/db/database.h"
#include "executor/layer/store.h"

namespace slipway::solver {

/// All but Read are called with the transaction held, and so by one thread at a time.
class ChainRows {
 public:
  /// The row of the chain, made with all below it where it is missing; 0 is the empty chain. Once a transaction: what
  /// it finds is taken for committed and remembered.
  Result<int64_t> Store(db::Transaction& tx, const layer::Chain& chain);
  static Result<layer::Chain> Read(db::Session& session, int64_t id);
  /// Removes the rows that no record stands on any more.
  Status Prune(db::Transaction& tx);

  /// How many rows were asked for so far.
  uint64_t asked() const { return asked_; }

  static constexpr std::string_view kFind = "SELECT id FROM chain WHERE parent = ? AND layer = ?";
  static constexpr std::string_view kRead =
      "WITH RECURSIVE up (parent, layer, depth) AS (SELECT parent, layer, 0 FROM chain WHERE id = ? UNION ALL "
      "SELECT c.parent, c.layer, up.depth + 1 FROM up JOIN chain c ON c.id = up.parent) "
      "SELECT layer FROM up ORDER BY depth DESC";

 private:
  std::map<std::tuple<int64_t, std::string>, int64_t, std::less<>> known_;  // by parent and layer
  uint64_t asked_ = 0;
};

}  // namespace slipway::solver
