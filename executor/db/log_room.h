// Room in a database's log, taken once instead of page by page. Internal to this folder.
//
// A file that grows has its new length synced with its bytes, by a commit of the file system's journal: each sync of a
// log that grows takes twice as long as that of one which is written over. SQLite writes over its log once it has been
// moved into the file, so a daemon that has run for a while has that anyhow; this gives it to a new one.
#pragma once

#include "executor/base/status.h"

namespace slipway::db {

class Connection;

/// Lengthens the log of the open database with zeros, which end it for who reads it (a frame has a number and a sum),
/// to what it grows to between two moves. Needs the right to write, and has it meanwhile.
Status TakeLogRoom(Connection& writer, const std::string& database);

}  // namespace slipway::db
