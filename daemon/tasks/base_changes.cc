#include "daemon/tasks/base_changes.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "executor/base/log.h"

namespace slipway::tasks {

namespace {

using Json = nlohmann::json;
using Kind = store::RunTrigger::Kind;

oci::Reference NameOf(const store::Image& image) {
  return {.host = image.registry, .repository = image.repository, .tag = image.tag, .digest = {}};
}

bool SameTag(const store::Image& a, const store::Image& b) {
  return a.registry == b.registry && a.repository == b.repository && a.tag == b.tag;
}

std::string_view EventName(HeardFrom from) {
  switch (from) {
    case HeardFrom::kRegistry: return "push";
    case HeardFrom::kLookup: return "look-up";
    case HeardFrom::kRun: return "run";
    case HeardFrom::kReplay: return "replay";
  }
  return "push";
}

// What the task's image stands on under this tag, if that counts for its trigger.
const store::BaseImage* FindBase(const std::vector<store::BaseImage>& bases, const store::Image& image,
                                 bool all_stages) {
  const auto found = std::find_if(bases.begin(), bases.end(), [&](const store::BaseImage& base) {
    return SameTag(base.image, image) && (base.is_runtime || all_stages);
  });
  return found == bases.end() ? nullptr : &*found;
}

}  // namespace

std::string ChangesToJson(const std::vector<store::Image>& images) {
  Json out = Json::array();
  for (const store::Image& image : images) {
    out.push_back(
        {{"registry", image.registry}, {"repository", image.repository}, {"tag", image.tag}, {"digest", image.digest}});
  }
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::vector<store::Image>> ChangesFromJson(std::string_view json) {
  try {
    std::vector<store::Image> out;
    for (const Json& item : Json::parse(json)) {
      out.push_back({.registry = item.at("registry"),
                     .repository = item.at("repository"),
                     .tag = item.at("tag"),
                     .digest = item.at("digest")});
    }
    return out;
  } catch (const Json::exception& error) {
    return DataLoss("the stored delivery cannot be read: {}", error.what());
  }
}

Result<bool> BaseChanges::IsWatched(const store::Image& image) const {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<store::Task> tasks, parts_.tasks.BuiltFrom(image));
  return !tasks.empty();
}

Result<std::optional<store::Run>> BaseChanges::LastRun(const store::Task& task) const {
  const store::RunFilter filter{.states = {store::RunState::kSucceeded},
                                .task = task.name,
                                .triggers = {Kind::kManual, Kind::kCommit, Kind::kTimer, Kind::kImageUpdate}};
  SLIPWAY_ASSIGN_OR_RETURN(store::RunPage page, parts_.runs.List(filter, 1, ""));
  // An older one was of another task of that name.
  if (page.runs.empty() || page.runs.front().create_time < task.create_time) return std::optional<store::Run>();
  return std::optional(std::move(page.runs.front()));
}

// The tasks that led to an image; none if it was not made here, or not by a task.
Result<std::vector<std::string>> BaseChanges::AncestryOf(const store::Image& image) const {
  const store::RunFilter filter{.output_image = image};
  SLIPWAY_ASSIGN_OR_RETURN(const store::RunPage page, parts_.runs.List(filter, 1, ""));
  if (page.runs.empty() || page.runs.front().task.empty()) return std::vector<std::string>();
  std::vector<std::string> ancestry = page.runs.front().trigger.ancestry;
  ancestry.push_back(page.runs.front().task);
  return ancestry;
}

void BaseChanges::Record(const store::Task& task, const ImageChange& change, store::Verdict verdict,
                         const std::string& reason, const std::string& run) const {
  store::Delivery delivery;
  delivery.task = task.name;
  delivery.trigger = task.base_image->name;
  delivery.sender = kRegistrySender;
  delivery.event = EventName(change.from);
  delivery.receive_time = parts_.clock.System();
  delivery.verdict = verdict;
  delivery.reason = reason;
  delivery.run_id = run;
  delivery.revision = change.image.digest;
  delivery.reference = NameOf(change.image).Familiar();
  delivery.content = ChangesToJson({change.image});
  spdlog::info("image '{}' for task '{}': {}: {}", delivery.reference, task.name, store::VerdictName(verdict), reason);
  if (const auto stored = parts_.tasks.AddDelivery(std::move(delivery)); !stored.ok()) {
    spdlog::error("what image '{}' led to is not recorded: {}", NameOf(change.image).Familiar(),
                  stored.status().message());
  }
}

// Whether a run was started.
Result<bool> BaseChanges::Consider(const store::Task& task, const ImageChange& change,
                                   const std::vector<std::string>& ancestry) const {
  SLIPWAY_ASSIGN_OR_RETURN(const std::optional<store::Run> last, LastRun(task));
  const std::vector<store::BaseImage>& bases = last ? last->result.base_images : task.bases;
  const store::BaseImage* base = FindBase(bases, change.image, task.base_image->all_stages);
  if (base == nullptr || (base->image.digest == change.image.digest && change.from != HeardFrom::kReplay)) return false;
  if (std::find(ancestry.begin(), ancestry.end(), task.name) != ancestry.end()) {
    // A look-up would find the same again and again.
    if (change.from != HeardFrom::kLookup) {
      Record(task, change, store::Verdict::kSkipped,
             fmt::format("the image comes of a run of the task itself ({})", fmt::join(ancestry, " -> ")), "");
    }
    return false;
  }
  store::RunTrigger trigger{.kind = Kind::kImageUpdate, .name = task.base_image->name, .id = change.delivery};
  trigger.images = {{.registry = change.image.registry,
                     .repository = change.image.repository,
                     .tag = change.image.tag,
                     .digest = change.image.digest}};
  trigger.ancestry = ancestry;
  if (last) trigger.update_token = last->trigger.update_token;
  std::string request_id = fmt::format("image:{}:{}:{}", task.name, last ? last->id : "", change.image.digest);
  if (change.from == HeardFrom::kReplay) request_id += ":" + change.delivery;
  const Result<store::CreatedRun> created =
      parts_.start_run({.task = task, .trigger = trigger, .request_id = std::move(request_id)});
  if (!created.ok()) {
    // The next start of the daemon asks again.
    if (created.code() == Code::kUnavailable) return Cancelled("{}", created.status().message());
    Record(task, change, store::Verdict::kFailed, created.status().message(), "");
    return created.status();
  }
  if (created->existed) return false;
  Record(task, change, store::Verdict::kRun,
         fmt::format("{} -> {}", base->image.digest.empty() ? "?" : base->image.digest, change.image.digest),
         created->run.id);
  if (parts_.on_started) parts_.on_started({.task = task, .run = created->run});
  return true;
}

Result<int> BaseChanges::Judge(const Context& ctx, const ImageChange& heard) const {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<store::Task> tasks, parts_.tasks.BuiltFrom(heard.image));
  if (tasks.empty()) return 0;
  ImageChange change = heard;
  if (change.from != HeardFrom::kLookup) {
    // What is told may be late, or of a tag that never got there; what counts is what the tag stands for now.
    const Result<Digest> now = parts_.lookup(ctx, NameOf(change.image));
    if (now.ok()) {
      change.image.digest = now->ToString();
    } else if (now.code() == Code::kNotFound) {
      return 0;
    } else if (change.image.digest.empty() || !ctx.Err().ok()) {
      return now.status();
    }
  }
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> ancestry, AncestryOf(change.image));
  int started = 0;
  Status failure;
  for (const store::Task& task : tasks) {
    const Result<bool> run = Consider(task, change, ancestry);
    if (run.code() == Code::kCancelled) return run.status();
    if (!run.ok() && failure.ok()) failure = run.status().With(fmt::format("task '{}'", task.name));
    if (run.ok() && *run) ++started;
  }
  SLIPWAY_RETURN_IF_ERROR(failure);
  return started;
}

}  // namespace slipway::tasks
