#include "executor/solver/chain_rows.h"

namespace slipway::solver {

namespace {
constexpr size_t kMostKnownRows = 4096;  // some 200 bytes each
}

Result<int64_t> ChainRows::Store(db::Transaction& tx, const layer::Chain& chain) {
  int64_t id = 0;
  bool made = false;  // nothing stands on a row that was just made
  for (const layer::Key& layer : chain) {
    if (!made) {
      if (const auto it = known_.find(std::tuple(id, std::string_view(layer))); it != known_.end()) {
        id = it->second;
        continue;
      }
      ++asked_;
      SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows, tx.Query(kFind, id, layer));
      const int64_t found = rows.Next() ? rows.Get<int64_t>(0) : 0;
      SLIPWAY_RETURN_IF_ERROR(rows.Finish());
      if (found != 0) {
        if (known_.size() >= kMostKnownRows) known_.clear();
        known_.emplace(std::tuple(id, layer), found);
        id = found;
        continue;
      }
    }
    SLIPWAY_RETURN_IF_ERROR(tx.Run("INSERT INTO chain (parent, layer) VALUES (?, ?)", id, layer));
    id = tx.last_insert_id();
    made = true;
  }
  return id;
}

Result<layer::Chain> ChainRows::Read(db::Session& session, int64_t id) {
  layer::Chain out;
  SLIPWAY_ASSIGN_OR_RETURN(db::Statement rows, session.Query(kRead, id));
  while (rows.Next()) out.push_back(rows.Get<std::string>(0));
  SLIPWAY_RETURN_IF_ERROR(rows.Finish());
  return out;
}

Status ChainRows::Prune(db::Transaction& tx) {
  known_.clear();
  return tx.Run(
      "WITH RECURSIVE live (id) AS (SELECT chain FROM record UNION SELECT c.parent FROM live JOIN chain c "
      "ON c.id = live.id WHERE c.parent <> 0) DELETE FROM chain WHERE id NOT IN (SELECT id FROM live)");
}

}  // namespace slipway::solver
