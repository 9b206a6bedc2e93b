// RebaseStore: the rebase plans of the last builds, by the keys that those who ask for builds give them. What is lost
// with it is only speed: an image without a plan is built. Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "executor/base/status.h"
#include "executor/builder/rebase_plan.h"
#include "executor/db/database.h"

namespace slipway::builder {

class RebaseStore {
 public:
  /// So many plans are kept; of more, those stored first go.
  static constexpr int64_t kMostPlans = 100'000;

  static Result<std::unique_ptr<RebaseStore>> Open(const std::string& path);

  /// In place of the plan with the same key.
  Status Put(const std::string& key, const RebasePlan& plan);
  /// nullopt if there is none.
  Result<std::optional<RebasePlan>> Get(const std::string& key);

 private:
  explicit RebaseStore(std::unique_ptr<db::Database> db) : db_(std::move(db)) {}
  std::unique_ptr<db::Database> db_;
};

}  // namespace slipway::builder
