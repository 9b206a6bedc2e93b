// Which ended runs are to go, in SQL. They are looked for by a reader, while others write; what comes is read through
// an index, since this is asked again and again among up to a million runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/store/run_store.h"
#include "executor/db/database.h"

namespace slipway::store {

/// The number of the oldest of so many newest runs that rules may remove. Its parameter: how many, less one.
std::string OldestOfNewestSql();
/// The numbers of runs to go, the oldest first. Its parameters: 1 number of the first that stays, 2 how many at most,
/// and 3, if `by_time`, the time since which none of them has ended.
std::string ToForgetSql(bool by_time);

Result<std::vector<int64_t>> ToForget(db::Session& session, const Retention& kept, size_t limit);
/// Removes those of them that have not been archived since; their ids. Does not commit.
Result<std::vector<std::string>> Remove(db::Transaction& tx, const std::vector<int64_t>& numbers);

}  // namespace slipway::store
