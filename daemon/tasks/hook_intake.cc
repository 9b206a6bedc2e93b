#include "daemon/tasks/hook_intake.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "daemon/tasks/base_changes.h"
#include "daemon/tasks/task_secrets.h"
#include "daemon/trigger/source_filter.h"
#include "daemon/trigger/webhook.h"
#include "executor/base/log.h"
#include "executor/source/git_url.h"

namespace slipway::tasks {

namespace {

using Json = nlohmann::json;
using trigger::GitEvent;

constexpr int kThreads = 4;  // so many git hosts may be slow before others wait
constexpr int kMostAttempts = 8;
constexpr std::chrono::minutes kPathsWithin{5};

// Whether what failed may succeed later.
bool MayPass(Code code) { return code == Code::kUnavailable || code == Code::kResourceExhausted; }

const store::SourceTrigger* FindTrigger(const store::Task& task, const std::string& name) {
  if (name.empty()) return task.sources.size() == 1 ? &task.sources.front() : nullptr;
  const auto found = std::find_if(task.sources.begin(), task.sources.end(),
                                  [&name](const store::SourceTrigger& source) { return source.name == name; });
  return found == task.sources.end() ? nullptr : &*found;
}

// "" if the address names none.
std::string TriggerOf(const web::Request& request) {
  const auto name = request.params.find("trigger");
  return name == request.params.end() ? "" : name->second;
}

web::Response UnknownTrigger() { return web::TextResponse(404, "there is no such task and trigger"); }

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

bool IsOf(const GitEvent& event, const std::string& repository) {
  return std::any_of(event.repositories.begin(), event.repositories.end(),
                     [&](const std::string& url) { return trigger::SameRepository(url, repository); });
}

// The web address of a repository, made of what the task says: the status token goes there. A delivery names several
// addresses of which one need fit, so that who knows the webhook's secret alone could send the token to the others. An
// address of SSH tells the host only. "" if it tells none.
std::string WebAddress(const std::string& configured) {
  const Result<source::GitUrl> url = source::GitUrl::Parse(configured);
  if (!url.ok() || url->host.empty()) return "";
  if (url->http()) return url->Remote();
  return fmt::format("https://{}{}{}", url->host, url->path.starts_with('/') ? "" : "/", url->path);
}

store::RunTrigger ToRunTrigger(const store::Delivery& delivery, const GitEvent& event, const std::string& repository) {
  store::RunTrigger out;
  out.kind = event.kind == GitEvent::Kind::kPullRequest ? store::RunTrigger::Kind::kPullRequest
                                                        : store::RunTrigger::Kind::kCommit;
  out.name = delivery.trigger;
  out.id = store::DeliveryId(delivery.number);
  out.host = trigger::GitHostName(event.host);
  out.repository_url = WebAddress(repository);
  out.commit = event.commit;
  out.branch = event.branch;
  out.tag = event.tag;
  out.pull_request = event.number;
  out.source_branch = event.source_branch;
  out.fetch_ref = event.fetch_ref;
  out.from_fork = event.from_fork;
  return out;
}

// Whether the webhook is where it belongs.
bool IsWelcome(const store::Task& task, const store::SourceTrigger& source, const GitEvent& event) {
  return event.kind == GitEvent::Kind::kIgnored || IsOf(event, Conditions(task, source).repository);
}

// Pending, but for what leads to nothing for sure: that is told at once, so that whoever set the webhook up sees it
// there.
store::Delivery ToDelivery(const store::Task& task, const store::SourceTrigger& source, const GitEvent& event,
                           SystemTime now) {
  store::Delivery out;
  out.task = task.name;
  out.trigger = source.name;
  out.sender = trigger::GitHostName(event.host);
  out.sender_id = event.delivery_id;
  out.event = event.detail;
  out.receive_time = now;
  out.revision = event.commit;
  out.reference = Reference(event);
  out.content = EventToJson(event);
  if (event.kind == GitEvent::Kind::kIgnored) {
    out.verdict = store::Verdict::kSkipped;
    out.reason = fmt::format("'{}' starts nothing", event.detail);
  } else if (!IsWelcome(task, source, event)) {
    out.verdict = store::Verdict::kSkipped;
    out.reason = fmt::format("it is of another repository than '{}'", Conditions(task, source).repository);
  }
  return out;
}

// What a host hears of the deliveries that were made of what it sent. An event that starts nothing is no mistake: hosts
// switch off webhooks that refuse what they send.
web::Response AnswerTo(const std::vector<store::Delivery>& stored, bool welcome) {
  std::vector<std::string> taken;
  const store::Delivery* skipped = nullptr;
  for (const store::Delivery& delivery : stored) {
    if (delivery.verdict == store::Verdict::kPending) taken.push_back(store::DeliveryId(delivery.number));
    if (delivery.verdict == store::Verdict::kSkipped) skipped = &delivery;
  }
  if (!taken.empty()) return web::TextResponse(202, fmt::format("taken as {}", fmt::join(taken, ", ")));
  if (skipped != nullptr) return web::TextResponse(welcome ? 200 : 422, skipped->reason);
  return web::TextResponse(200, "it came before");
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
  for (std::jthread& thread : threads_) thread.request_stop();
}

Status HookIntake::Start() {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<store::Delivery> pending, parts_.tasks.PendingDeliveries());
  for (const store::Delivery& delivery : pending) {
    if (delivery.sender != kRegistrySender) Queue(delivery);
  }
  for (int i = 0; i < kThreads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { Work(stop); });
  }
  return Status();
}

void HookIntake::AddRoutes(web::Router& router) {
  const auto receive = [this](const web::Request& request) { return Receive(request); };
  const auto check = [this](const web::Request& request) { return RefuseUnknown(request); };
  router.Add("POST", "/webhooks/git/{task}", kMostHookBytes, receive, check);
  router.Add("POST", "/webhooks/git/{task}/{trigger}", kMostHookBytes, receive, check);
}

// Before megabytes are read for nobody.
std::optional<web::Response> HookIntake::RefuseUnknown(const web::Request& request) const {
  const Result<store::Task> task = parts_.tasks.Get(request.params.at("task"));
  const bool known = task.ok() ? FindTrigger(*task, TriggerOf(request)) != nullptr : task.code() != Code::kNotFound;
  return known ? std::nullopt : std::optional(UnknownTrigger());
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
  const store::SourceTrigger* source = task.ok() ? FindTrigger(*task, TriggerOf(request)) : nullptr;
  if (source == nullptr) return UnknownTrigger();

  const trigger::Headers headers = [&request](std::string_view header) { return request.header(header); };
  const Result<trigger::GitHost> host = trigger::DetectHost(headers);
  if (!host.ok()) return Refuse(*task, *source, "", 400, host.status());
  const std::string_view sender = trigger::GitHostName(*host);
  const Result<TaskSecrets> secrets = TaskSecrets::Open(*task, parts_.sealer);
  if (!secrets.ok()) return web::TextResponse(500, "the trigger's secret cannot be read");
  const Status genuine = trigger::VerifyDelivery(
      *host, headers, request.body, secrets->Get("trigger:" + source->name + ":secret"), parts_.clock.System());
  if (!genuine.ok()) return Refuse(*task, *source, sender, 401, genuine);
  const Result<std::vector<GitEvent>> events = trigger::ParseDelivery(*host, headers, request.body);
  if (!events.ok()) return Refuse(*task, *source, sender, 400, events.status());
  if (events->front().kind == GitEvent::Kind::kPing) {
    return web::TextResponse(200, "the address and the secret are right");
  }
  std::vector<store::Delivery> stored;
  for (const GitEvent& event : *events) {
    Result<store::Delivery> one = parts_.tasks.AddDelivery(ToDelivery(*task, *source, event, parts_.clock.System()));
    // Those before it are known by their ids when it comes again.
    if (!one.ok()) return web::TextResponse(503, "the delivery could not be stored; send it again");
    if (one->verdict == store::Verdict::kPending) Queue(*one);
    stored.push_back(*std::move(one));
  }
  return AnswerTo(stored, IsWelcome(*task, *source, events->front()));
}

void HookIntake::Queue(const store::Delivery& delivery) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back({.number = delivery.number, .task = delivery.task});
    ++changes_;
  }
  changed_.notify_one();
}

// The next one that may be judged: the first of a task of which none is being judged. nullopt: the end.
std::optional<HookIntake::Waiting> HookIntake::Take(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const auto now = std::chrono::steady_clock::now();
    auto wake = now + std::chrono::hours(1);
    const uint64_t seen = changes_;
    std::set<std::string_view> passed;
    for (auto it = queue_.begin(); it != queue_.end(); ++it) {
      if (!passed.insert(it->task).second || busy_.contains(it->task)) continue;
      if (it->not_before > now) {
        wake = std::min(wake, it->not_before);
        continue;
      }
      Waiting out = std::move(*it);
      queue_.erase(it);
      busy_.insert(out.task);
      return out;
    }
    changed_.wait_until(lock, stop, wake, [&] { return changes_ != seen; });
  }
  return std::nullopt;
}

void HookIntake::GiveBack(Waiting waiting, bool again) {
  {
    const std::lock_guard lock(mutex_);
    busy_.erase(waiting.task);
    if (again) {
      waiting.not_before = std::chrono::steady_clock::now() + parts_.first_pause * (1 << waiting.attempts);
      ++waiting.attempts;
      queue_.push_front(std::move(waiting));  // before later ones of its task
    }
    ++changes_;
  }
  changed_.notify_all();
}

void HookIntake::Work(const std::stop_token& stop) {
  while (std::optional<Waiting> waiting = Take(stop)) {
    const bool again = Process(*waiting);
    GiveBack(*std::move(waiting), again);
  }
}

// Whether it is to be tried again.
bool HookIntake::Process(const Waiting& waiting) {
  const std::string id = store::DeliveryId(waiting.number);
  const Result<store::Delivery> delivery = parts_.tasks.GetDelivery(waiting.number);
  if (delivery.ok() && delivery->verdict != store::Verdict::kPending) return false;  // it was judged before
  const Result<Judgement> judged = delivery.ok() ? Judge(*delivery) : Result<Judgement>(delivery.status());
  if (judged.code() == Code::kCancelled) return false;  // it stays pending for the next start
  if (MayPass(judged.code()) && waiting.attempts < kMostAttempts) {
    spdlog::warn("delivery {} for task '{}' is tried again: {}", id, waiting.task, judged.status().message());
    return true;
  }
  const Judgement judgement = judged.ok() ? *judged : Judgement{store::Verdict::kFailed, judged.status().message(), ""};
  spdlog::info("delivery {} for task '{}': {}: {}", id, waiting.task, store::VerdictName(judgement.verdict),
               judgement.reason);
  const Status stored = parts_.tasks.SetVerdict(waiting.number, judgement.verdict, judgement.reason, judgement.run_id);
  if (!stored.ok()) spdlog::error("delivery {}: {}", id, stored.message());
  return false;
}

Result<HookIntake::Judgement> HookIntake::Judge(const store::Delivery& delivery) {
  const auto skipped = [](std::string why) { return Judgement{store::Verdict::kSkipped, std::move(why), ""}; };
  const Result<store::Task> task = parts_.tasks.Get(delivery.task);
  const store::SourceTrigger* source = task.ok() ? FindTrigger(*task, delivery.trigger) : nullptr;
  if (source == nullptr) return skipped("the task or the trigger is gone");
  if (!task->enabled) return skipped("the task is disabled");
  if (!source->enabled) return skipped("the trigger is disabled");
  SLIPWAY_ASSIGN_OR_RETURN(const GitEvent event, EventFromJson(delivery.content));
  SLIPWAY_ASSIGN_OR_RETURN(const trigger::SourceFilter filter, trigger::SourceFilter::Make(Conditions(*task, *source)));
  trigger::SourceFilter::Verdict wanted = filter.Judge(event);
  if (wanted.needs_paths) {
    SLIPWAY_ASSIGN_OR_RETURN(wanted, JudgePaths(*task, filter, event));
  }
  if (!wanted.run) return skipped(std::move(wanted.reason));
  const store::RunTrigger run_trigger = ToRunTrigger(delivery, event, filter.conditions().repository);
  const bool with_secrets = !event.from_fork || source->forks == store::ForkPolicy::kTrust;
  SLIPWAY_ASSIGN_OR_RETURN(std::string run, parts_.start_run(*task, run_trigger, with_secrets,
                                                             "delivery:" + std::to_string(delivery.number)));
  if (source->cancel_previous) parts_.cancel_older(*task, run_trigger, run);
  return Judgement{store::Verdict::kRun, std::move(wanted.reason), std::move(run)};
}

// Of a pull request all that it proposes counts, not just its last commits; a branch that is new is compared with the
// default one. Where nobody can tell, a run too many is better than one too few.
Result<trigger::SourceFilter::Verdict> HookIntake::JudgePaths(const store::Task& task,
                                                              const trigger::SourceFilter& filter,
                                                              const GitEvent& event) {
  const bool pull = event.kind == GitEvent::Kind::kPullRequest;
  const std::string before = pull ? "refs/heads/" + event.branch : event.before;
  const Context ctx = ctx_.WithTimeout(kPathsWithin, "comparing the commits");
  const Result<std::vector<std::string>> paths =
      parts_.changed_paths(ctx, task, filter.conditions().repository,
                           before.find_first_not_of('0') == std::string::npos ? "" : before, event.commit);
  if (paths.ok()) return filter.Judge(event, &*paths);
  if (paths.code() == Code::kDeadlineExceeded) return Unavailable("{}", paths.status().message());
  if (paths.code() != Code::kNotFound && paths.code() != Code::kResourceExhausted) return paths.status();
  return trigger::SourceFilter::Verdict{
      .run = true, .reason = fmt::format("what it changes cannot be told: {}", paths.status().message())};
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
  Queue(stored);
  return stored;
}

}  // namespace slipway::tasks
