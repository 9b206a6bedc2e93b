// UseLog: remembers across restarts when each file of the store was last used and how large it was. A cache: it may be
// lost or lag behind, and a file that it does not know is simply taken as used when it was made. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "executor/base/status.h"
#include "executor/db/database.h"

namespace slipway::content {

struct FileUse {
  std::string name;   ///< as in its folder: hex digest, or name of a pack
  uint64_t size = 0;  ///< of the file; one that has another size now is damaged
  SystemTime used;
};

class UseLog {
 public:
  static Result<std::unique_ptr<UseLog>> Open(const std::string& path);

  Result<std::map<std::string, FileUse>> Load();
  Status Write(std::span<const FileUse> uses);
  Status Forget(std::span<const std::string> names);

 private:
  explicit UseLog(std::unique_ptr<db::Database> database) : database_(std::move(database)) {}
  std::unique_ptr<db::Database> database_;
};

}  // namespace slipway::content
