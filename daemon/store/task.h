// Task: work that is described once and started by hand or by triggers; and what comes in for it. Plain data; the API
// (proto/slipway/v1/tasks.proto) says what the members mean.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "daemon/store/run.h"
#include "executor/base/clock.h"
#include "steps/task/file_task.h"
#include "steps/task/quick_build.h"

namespace slipway::store {

/// What is done about a timer that became due while the daemon was down.
enum class MissedTimer { kOnce = 1, kSkip = 2 };

struct TimerTrigger {
  std::string name;
  std::string schedule;
  std::string time_zone;  ///< "": UTC
  bool enabled = true;
  MissedTimer missed = MissedTimer::kOnce;
  bool operator==(const TimerTrigger&) const = default;
};

/// Schedule and zone: a timer with another key begins anew.
std::string TimerKey(const TimerTrigger& timer);

/// Numbered as in the API.
enum class ForkPolicy { kWithoutSecrets = 1, kIgnore = 2, kTrust = 3 };

struct SourceTrigger {
  std::string name;
  bool enabled = true;
  bool on_commit = true;
  bool on_pull_request = false;
  std::string repository_url;
  std::vector<std::string> branches;
  std::vector<std::string> tags;
  std::vector<std::string> paths;
  bool has_status_token = false;  ///< its secrets are "trigger:NAME:secret" and "trigger:NAME:token"
  std::string api_url;
  ForkPolicy forks = ForkPolicy::kWithoutSecrets;
  bool cancel_previous = false;
  bool operator==(const SourceTrigger&) const = default;
};

enum class RebasePolicy { kNever = 1, kWhenSafe = 2 };

struct BaseImageTrigger {
  std::string name;
  bool enabled = true;
  bool all_stages = false;  ///< type All rather than Runtime
  std::string endpoint;     ///< "" for none
  std::string payload_type = "Default";
  RebasePolicy rebase = RebasePolicy::kNever;
  bool operator==(const BaseImageTrigger&) const = default;
};

struct RegistryLogin {
  std::string server;
  std::string username;  ///< its password is the secret "credential:SERVER"
  bool operator==(const RegistryLogin&) const = default;
};

/// A docker build, or a task file.
using TaskStep = std::variant<task::QuickBuild, task::FileTask>;

struct Task {
  std::string name;
  bool enabled = true;
  SystemTime create_time;
  SystemTime update_time;
  std::string etag;
  TaskStep step;  ///< without the values of secrets
  std::chrono::seconds timeout{3600};
  bool has_context_token = false;  ///< the secret "context"
  std::vector<TimerTrigger> timers;
  std::vector<SourceTrigger> sources;
  std::optional<BaseImageTrigger> base_image;
  std::vector<RegistryLogin> logins;
  std::map<std::string, std::string> tags;
  std::string sealed;            ///< all its secrets, encrypted; "" if there are none
  std::vector<BaseImage> bases;  ///< of the last successful run
};

/// Where a task's source is.
const std::string& SourceOf(const Task& task);
/// Whether `name` is that of a task: 5 to 50 letters, digits, '-', '_'.
bool IsTaskName(std::string_view name);
/// Whether `name` is that of a trigger: 1 to 50 of the same.
bool IsTriggerName(std::string_view name);

enum class Verdict { kPending = 1, kRun = 2, kSkipped = 3, kRepeated = 4, kRefused = 5, kFailed = 6 };
std::string_view VerdictName(Verdict verdict);
std::optional<Verdict> ParseVerdict(std::string_view name);

/// Something that came in for a task.
struct Delivery {
  int64_t number = 0;  ///< ids sort by it
  std::string task;
  std::string trigger;
  std::string sender;     ///< "github", …, "registry"
  std::string sender_id;  ///< the sender's own id; the same for a redelivery
  std::string event;
  SystemTime receive_time;
  Verdict verdict = Verdict::kPending;
  std::string reason;
  std::string run_id;
  std::string revision;
  std::string reference;
  std::string content;  ///< JSON: what is needed to judge it (again)
};

/// "d" and the number, as clients see it.
std::string DeliveryId(int64_t number);
std::optional<int64_t> ParseDeliveryId(std::string_view id);

}  // namespace slipway::store
