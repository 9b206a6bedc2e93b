// TaskSecrets: the secrets of a stored task: one encrypted bundle of names and values.
//
//   "context"               token or password with which the source is fetched
//   "arg:NAME"              a secret build argument          "value:NAME"   a secret value of a task file
//   "secret:ID"             what RUN may read by that id     "named-context:NAME"   password of a named context
//   "trigger:NAME:secret"   what deliveries are signed with  "trigger:NAME:token"   for statuses
//   "credential:SERVER"     password of a registry
//
// Values leave this type only towards runs and towards the check of a delivery; never towards the API.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "daemon/secrets/sealer.h"
#include "daemon/store/task.h"

namespace slipway::tasks {

class TaskSecrets {
 public:
  TaskSecrets() = default;
  /// DATA_LOSS if the task's bundle was not sealed with this key.
  static Result<TaskSecrets> Open(const store::Task& task, const secrets::Sealer& sealer);
  /// Encrypts them into the task.
  Status Seal(const secrets::Sealer& sealer, store::Task* task) const;

  /// "" if there is none.
  std::string Get(std::string_view name) const;
  bool Has(std::string_view name) const { return values_.find(name) != values_.end(); }
  /// An empty value removes it.
  void Set(const std::string& name, std::string value);
  /// Also an empty value is one.
  void Put(const std::string& name, std::string value) { values_[name] = std::move(value); }
  /// Removes all whose name is not kept by `keep`.
  template <typename Keep>
  void Retain(Keep keep) {
    std::erase_if(values_, [&](const auto& item) { return !keep(item.first); });
  }
  const std::map<std::string, std::string, std::less<>>& values() const { return values_; }

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

/// Takes the secrets of a step out of it ("" is left of values, "***" of passwords in addresses) and into `secrets`.
/// Where the step reads "***", the secret that is there is kept; secrets of steps that this one does not name go.
void TakeSecrets(store::TaskStep* step, TaskSecrets* secrets);
/// Puts them back; but not that of the source, see SourceWithToken.
void PutSecrets(const TaskSecrets& secrets, store::TaskStep* step);

inline constexpr std::string_view kHidden = "***";

}  // namespace slipway::tasks
