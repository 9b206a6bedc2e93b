// The SQL of lists of runs. A list is read through the index of one of its conditions, in order, and ends when the page
// is full; the other conditions only pick among what comes. Which condition that is, is chosen here and not by the
// database: none of them keeps statistics that are true after the next thousand runs.
#pragma once

#include <string>
#include <string_view>

#include "daemon/store/run_store.h"

namespace slipway::store {

/// Where a page begins: after the run `number`, which was created at `time`. Of a list by time, `time` must not be
/// later than the filter's upper bound.
struct ListStart {
  int64_t number = INT64_MAX;
  SystemTime time = SystemTime::max();
};

/// Whether the list goes by the time of creation, and by number only among equal ones; others go by number alone.
bool ListsByTime(const RunFilter& filter);

ListStart FirstPage(const RunFilter& filter);

/// A query for `columns` of the runs, the newest first. Its parameters, in order: 1 number of the start, 2 type, 3 and
/// 4 bounds of the time of creation, 5 repository, 6 registry, 7 tag, 8 digest, 9 task, 10 time of the start, 11 how
/// many runs at most. What the filter does not ask for may be NULL.
std::string ListSql(const RunFilter& filter, std::string_view columns);

}  // namespace slipway::store
