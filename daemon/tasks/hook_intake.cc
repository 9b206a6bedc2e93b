#include "daemon/tasks/hook_intake.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "daemon/tasks/task_secrets.h"
#include "daemon/trigger/source_filter.h"
#include "daemon/trigger/webhook.h"
#include "executor/base/log.h"
#include "executor/source/git_url.h"

namespace slipway::tasks {

namespace {

using Json = nlohmann::json;
using trigger::GitEvent;

const store::SourceTrigger* FindTrigger(const store::Task& task, const std::string& name) {
  if (name.empty()) return task.sources.size() == 1 ? &task.sources.front() : nullptr;
  const auto found = std::find_if(task.sources.begin(), task.sources.end(),
                                  [&name](const store::SourceTrigger& source) { return source.name == name; });
  return found == task.sources.end() ? nullptr : &*found;
}

std::string Reference(const GitEvent& event) {
  if (event.kind == GitEvent::Kind::kPullRequest) return "pull request " + event.number;
  return event.tag.empty() ? event.branch : event.tag;
}

// What a trigger that names no branch is for: the branch of the source, or what a default branch is called.
std::vector<std::string> DefaultBranches(const store::Task& task) {
  constexpr std::string_view kHeads = "refs/heads/";
  constexpr size_t kCommitId = 40;
  const Result<source::GitUrl> url = source::GitUrl::Parse(store::SourceOf(task));
  std::string_view ref = url.ok() ? std::string_view(url->ref) : "";
  if (ref.starts_with(kHeads)) ref.remove_prefix(kHeads.size());
  const bool id = ref.size() == kCommitId && ref.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
  if (ref.empty() || id || ref.starts_with("refs/")) return {"main", "master"};
  return {std::string(ref)};
}

trigger::SourceConditions Conditions(const store::Task& task, const store::SourceTrigger& source) {
  trigger::SourceConditions out;
  out.on_commit = source.on_commit;
  out.on_pull_request = source.on_pull_request;
  out.allow_forks = source.forks != store::ForkPolicy::kIgnore;
  out.repository = source.repository_url.empty() ? store::SourceOf(task) : source.repository_url;
  out.branches = source.branches.empty() ? DefaultBranches(task) : source.branches;
  out.tags = source.tags;
  out.paths = source.paths;
  return out;
}

store::RunTrigger ToRunTrigger(const store::Delivery& delivery, const GitEvent& event) {
  store::RunTrigger out;
  out.kind = event.kind == GitEvent::Kind::kPullRequest ? store::RunTrigger::Kind::kPullRequest
                                                        : store::RunTrigger::Kind::kCommit;
  out.name = delivery.trigger;
  out.id = store::DeliveryId(delivery.number);
  out.host = trigger::GitHostName(event.host);
  out.repository_url = event.repositories.empty() ? "" : event.repositories.front();
  out.commit = event.commit;
  out.branch = event.branch;
  out.tag = event.tag;
  out.pull_request = event.number;
  out.source_branch = event.source_branch;
  out.fetch_ref = event.fetch_ref;
  out.from_fork = event.from_fork;
  return out;
}

}  // namespace

std::string EventToJson(const GitEvent& event) {
  Json out = {{"host", static_cast<int>(event.host)},
              {"kind", static_cast<int>(event.kind)},
              {"detail", event.detail},
              {"repositories", event.repositories},
              {"branch", event.branch},
              {"tag", event.tag},
              {"deleted", event.deleted},
              {"commit", event.commit},
              {"before", event.before},
              {"message", event.message},
              {"changed_paths", nullptr},
              {"number", event.number},
              {"source_branch", event.source_branch},
              {"fetch_ref", event.fetch_ref},
              {"from_fork", event.from_fork}};
  if (event.changed_paths) out["changed_paths"] = *event.changed_paths;
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<GitEvent> EventFromJson(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    GitEvent out;
    out.host = static_cast<trigger::GitHost>(json.at("host").get<int>());
    out.kind = static_cast<GitEvent::Kind>(json.at("kind").get<int>());
    out.detail = json.at("detail");
    out.repositories = json.at("repositories").get<std::vector<std::string>>();
    out.branch = json.at("branch");
    out.tag = json.at("tag");
    out.deleted = json.at("deleted");
    out.commit = json.at("commit");
    out.before = json.at("before");
    out.message = json.at("message");
    if (!json.at("changed_paths").is_null()) {
      out.changed_paths = json.at("changed_paths").get<std::vector<std::string>>();
    }
    out.number = json.at("number");
    out.source_branch = json.at("source_branch");
    out.fetch_ref = json.at("fetch_ref");
    out.from_fork = json.at("from_fork");
    return out;
  } catch (const Json::exception& error) {
    return DataLoss("the stored delivery cannot be read: {}", error.what());
  }
}

HookIntake::~HookIntake() {
  ctx_.Cancel(Cancelled("the daemon is stopping"));
  thread_.request_stop();
}

Status HookIntake::Start() {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<store::Delivery> pending, parts_.tasks.PendingDeliveries());
  for (const store::Delivery& delivery : pending) Queue(delivery.number);
  thread_ = std::jthread([this](const std::stop_token& stop) { Work(stop); });
  return Status();
}

void HookIntake::AddRoutes(web::Router& router) {
  const auto receive = [this](const web::Request& request) { return Receive(request); };
  router.Add("POST", "/webhooks/git/{task}", kMostHookBytes, receive);
  router.Add("POST", "/webhooks/git/{task}/{trigger}", kMostHookBytes, receive);
}

// A flood of nonsense must not become a flood of writes.
web::Response HookIntake::Refuse(const store::Task& task, const store::SourceTrigger& trigger, std::string_view sender,
                                 int status, const Status& why) {
  constexpr std::chrono::seconds kBetween{1};
  uint64_t others = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto now = parts_.clock.Steady();
    ++refused_;
    if (now - last_refusal_ < kBetween) return web::TextResponse(status, why.message());
    last_refusal_ = now;
    others = std::exchange(refused_, 0) - 1;
  }
  store::Delivery delivery;
  delivery.task = task.name;
  delivery.trigger = trigger.name;
  delivery.sender = sender;
  delivery.receive_time = parts_.clock.System();
  delivery.verdict = store::Verdict::kRefused;
  delivery.reason = others == 0 ? why.message() : fmt::format("{} (and {} others before it)", why.message(), others);
  spdlog::warn("a delivery for task '{}' was refused: {}", task.name, delivery.reason);
  if (const auto stored = parts_.tasks.AddDelivery(std::move(delivery)); !stored.ok()) {
    spdlog::error("store a refused delivery: {}", stored.status().message());
  }
  return web::TextResponse(status, why.message());
}

web::Response HookIntake::Receive(const web::Request& request) {
  const Result<store::Task> task = parts_.tasks.Get(request.params.at("task"));
  const auto name = request.params.find("trigger");
  const store::SourceTrigger* source =
      task.ok() ? FindTrigger(*task, name == request.params.end() ? "" : name->second) : nullptr;
  if (source == nullptr) return web::TextResponse(404, "there is no such task and trigger");

  const trigger::Headers headers = [&request](std::string_view header) { return request.header(header); };
  const Result<trigger::GitHost> host = trigger::DetectHost(headers);
  if (!host.ok()) return Refuse(*task, *source, "", 400, host.status());
  const std::string_view sender = trigger::GitHostName(*host);
  const Result<TaskSecrets> secrets = TaskSecrets::Open(*task, parts_.sealer);
  if (!secrets.ok()) return web::TextResponse(500, "the trigger's secret cannot be read");
  const Status genuine = trigger::VerifyDelivery(
      *host, headers, request.body, secrets->Get("trigger:" + source->name + ":secret"), parts_.clock.System());
  if (!genuine.ok()) return Refuse(*task, *source, sender, 401, genuine);
  const Result<GitEvent> event = trigger::ParseDelivery(*host, headers, request.body);
  if (!event.ok()) return Refuse(*task, *source, sender, 400, event.status());
  if (event->kind == GitEvent::Kind::kPing) return web::TextResponse(200, "the address and the secret are right");

  store::Delivery delivery;
  delivery.task = task->name;
  delivery.trigger = source->name;
  delivery.sender = sender;
  delivery.sender_id = event->delivery_id;
  delivery.event = event->detail;
  delivery.receive_time = parts_.clock.System();
  delivery.revision = event->commit;
  delivery.reference = Reference(*event);
  delivery.content = EventToJson(*event);
  const Result<store::Delivery> stored = parts_.tasks.AddDelivery(std::move(delivery));
  if (!stored.ok()) return web::TextResponse(503, "the delivery could not be stored; send it again");
  if (stored->verdict == store::Verdict::kRepeated) return web::TextResponse(200, "it came before");
  Queue(stored->number);
  return web::TextResponse(202, "taken as " + store::DeliveryId(stored->number));
}

void HookIntake::Queue(int64_t number) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(number);
  }
  changed_.notify_one();
}

void HookIntake::Work(const std::stop_token& stop) {
  while (true) {
    int64_t number = 0;
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [this] { return !queue_.empty(); })) return;
      number = queue_.front();
      queue_.pop_front();
    }
    const Result<store::Delivery> delivery = parts_.tasks.GetDelivery(number);
    if (!delivery.ok()) {
      spdlog::error("delivery {}: {}", number, delivery.status().message());
    } else {
      Process(*delivery);
    }
  }
}

void HookIntake::Process(const store::Delivery& delivery) {
  store::Verdict verdict = store::Verdict::kSkipped;
  std::string reason;
  const Result<std::string> run = Judge(delivery, &verdict, &reason);
  if (run.code() == Code::kCancelled) return;  // it stays pending for the next start
  if (!run.ok()) {
    verdict = store::Verdict::kFailed;
    reason = run.status().message();
  }
  spdlog::info("delivery {} for task '{}': {}: {}", store::DeliveryId(delivery.number), delivery.task,
               store::VerdictName(verdict), reason);
  const Status stored = parts_.tasks.SetVerdict(delivery.number, verdict, reason, run.ok() ? *run : "");
  if (!stored.ok()) spdlog::error("delivery {}: {}", delivery.number, stored.message());
}

// The id of the run, "" if it starts none.
Result<std::string> HookIntake::Judge(const store::Delivery& delivery, store::Verdict* verdict, std::string* reason) {
  const Result<store::Task> task = parts_.tasks.Get(delivery.task);
  const store::SourceTrigger* source = task.ok() ? FindTrigger(*task, delivery.trigger) : nullptr;
  if (source == nullptr) {
    *reason = "the task or the trigger is gone";
    return std::string();
  }
  if (!task->enabled || !source->enabled) {
    *reason = task->enabled ? "the trigger is disabled" : "the task is disabled";
    return std::string();
  }
  SLIPWAY_ASSIGN_OR_RETURN(const GitEvent event, EventFromJson(delivery.content));
  SLIPWAY_ASSIGN_OR_RETURN(const trigger::SourceFilter filter, trigger::SourceFilter::Make(Conditions(*task, *source)));
  trigger::SourceFilter::Verdict wanted = filter.Judge(event);
  if (wanted.needs_paths) {
    const std::string& url = filter.conditions().repository;
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> paths,
                             parts_.changed_paths(ctx_, *task, url, event.before, event.commit));
    wanted = filter.Judge(event, &paths);
  }
  *reason = wanted.reason;
  if (!wanted.run) return std::string();
  const store::RunTrigger run_trigger = ToRunTrigger(delivery, event);
  const bool with_secrets = !event.from_fork || source->forks == store::ForkPolicy::kTrust;
  SLIPWAY_ASSIGN_OR_RETURN(const std::string run, parts_.start_run(*task, run_trigger, with_secrets,
                                                                   "delivery:" + std::to_string(delivery.number)));
  if (source->cancel_previous) parts_.cancel_older(*task, run_trigger, run);
  *verdict = store::Verdict::kRun;
  return run;
}

Result<store::Delivery> HookIntake::Replay(int64_t number) {
  SLIPWAY_ASSIGN_OR_RETURN(store::Delivery delivery, parts_.tasks.GetDelivery(number));
  if (delivery.verdict == store::Verdict::kRefused) {
    return FailedPrecondition("delivery '{}' was refused as not genuine and is not judged again",
                              store::DeliveryId(number));
  }
  delivery.sender_id = fmt::format("replay of {} at {}", store::DeliveryId(number), FormatTime(parts_.clock.System()));
  delivery.verdict = store::Verdict::kPending;
  delivery.reason.clear();
  delivery.run_id.clear();
  delivery.receive_time = parts_.clock.System();
  SLIPWAY_ASSIGN_OR_RETURN(store::Delivery stored, parts_.tasks.AddDelivery(std::move(delivery)));
  Queue(stored.number);
  return stored;
}

}  // namespace slipway::tasks
