#include "daemon/tasks/base_watch.h"

#include <algorithm>
#include <random>

#include "daemon/trigger/registry_event.h"
#include "executor/base/log.h"

namespace slipway::tasks {

namespace {

using TableImage = trigger::PollTable::Image;

constexpr std::chrono::seconds kRefreshEvery{60};  // which tags are watched
constexpr std::chrono::seconds kFirstSpread{30};
constexpr std::chrono::seconds kLookupTimeout{60};
constexpr std::chrono::seconds kBetweenRefusals{1};

std::function<double()> Chance() {
  auto engine = std::make_shared<std::mt19937_64>(std::random_device{}());
  return [engine] { return std::uniform_real_distribution<double>(0, 1)(*engine); };
}

TableImage KeyOf(const store::Image& image) {
  return {.registry = image.registry, .repository = image.repository, .tag = image.tag};
}

store::Image ToImage(const TableImage& image, std::string digest = "") {
  return {.registry = image.registry, .repository = image.repository, .tag = image.tag, .digest = std::move(digest)};
}

std::string NamesOf(const std::vector<store::Image>& images) {
  std::string out;
  for (const store::Image& image : images) {
    if (!out.empty()) out += ", ";
    out += fmt::format("{}/{}:{}", image.registry, image.repository, image.tag);
  }
  return out;
}

}  // namespace

BaseWatch::BaseWatch(BaseChanges::Parts parts, BaseWatchOptions options)
    : parts_(parts),
      options_(std::move(options)),
      changes_(std::move(parts)),
      table_(options_.poll_interval, Chance()) {}

BaseWatch::~BaseWatch() { Stop(); }

Status BaseWatch::Start() {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<store::Delivery> pending, parts_.tasks.PendingDeliveries());
  for (const store::Delivery& delivery : pending) {
    if (delivery.sender != kRegistrySender) continue;
    auto images = ChangesFromJson(delivery.content);
    if (!images.ok()) {
      spdlog::error("delivery {}: {}", store::DeliveryId(delivery.number), images.status().message());
      continue;
    }
    Queue({.images = *std::move(images),
           .from = delivery.event == "replay" ? HeardFrom::kReplay : HeardFrom::kRegistry,
           .delivery = delivery.number});
  }
  SLIPWAY_RETURN_IF_ERROR(FindMissedRuns());
  worker_ = std::jthread([this](const std::stop_token& stop) { Work(stop); });
  if (options_.poll_interval.count() > 0) {
    poller_ = std::jthread([this](const std::stop_token& stop) { Poll(stop); });
  }
  return Status();
}

void BaseWatch::Stop() {
  ctx_.Cancel(Cancelled("the daemon is stopping"));
  for (std::jthread* thread : {&poller_, &worker_}) {
    if (!thread->joinable()) continue;
    thread->request_stop();
    thread->join();
  }
}

// A daemon that died may have pushed a base, and not yet looked at who stands on it.
Status BaseWatch::FindMissedRuns() {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<store::Image> watched, parts_.tasks.WatchedImages());
  std::set<TableImage> seen;
  for (const store::Image& image : watched) {
    if (!seen.insert(KeyOf(image)).second) continue;
    SLIPWAY_ASSIGN_OR_RETURN(const store::RunPage page,
                             parts_.runs.List({.output_image = ToImage(KeyOf(image))}, 1, ""));
    if (!page.runs.empty()) OnRun(page.runs.front());
  }
  return Status();
}

void BaseWatch::AddRoutes(web::Router& router) {
  router.Add("POST", "/webhooks/registry", kMostNotificationBytes,
             [this](const web::Request& request) { return Receive(request); });
}

// A flood of nonsense must not become a flood of lines.
web::Response BaseWatch::Refuse(int status, const Status& why) {
  uint64_t others = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto now = parts_.clock.Steady();
    ++refused_;
    if (now - last_refusal_ < kBetweenRefusals) return web::TextResponse(status, why.message());
    last_refusal_ = now;
    others = std::exchange(refused_, 0) - 1;
  }
  store::Delivery delivery;
  delivery.sender = kRegistrySender;
  delivery.receive_time = parts_.clock.System();
  delivery.verdict = store::Verdict::kRefused;
  delivery.reason = others == 0 ? why.message() : fmt::format("{} (and {} others before it)", why.message(), others);
  spdlog::warn("a notification of a registry was refused: {}", delivery.reason);
  if (const auto stored = parts_.tasks.AddDelivery(std::move(delivery)); !stored.ok()) {
    spdlog::error("store a refused notification: {}", stored.status().message());
  }
  return web::TextResponse(status, why.message());
}

web::Response BaseWatch::Receive(const web::Request& request) {
  const trigger::Headers headers = [&request](std::string_view header) { return request.header(header); };
  const auto query = [&request](const char* name) {
    const auto found = request.query.find(name);
    return found == request.query.end() ? std::string() : found->second;
  };
  const Status genuine =
      trigger::VerifyRegistry(headers, query("token"), request.body, options_.registry_token, parts_.clock.System());
  if (!genuine.ok()) return Refuse(401, genuine);
  const auto event = trigger::ParseRegistryEvent(headers, request.body, query("registry"));
  if (!event.ok()) return Refuse(400, event.status());
  std::vector<store::Image> images;
  for (const trigger::ImagePush& push : event->pushes) {
    store::Image image{
        .registry = push.registry, .repository = push.repository, .tag = push.tag, .digest = push.digest};
    const Result<bool> watched = changes_.IsWatched(image);
    if (!watched.ok()) return web::TextResponse(503, "the notification could not be looked at; send it again");
    if (*watched) images.push_back(std::move(image));
  }
  if (images.empty()) return web::TextResponse(200, "no task stands on it");
  store::Delivery delivery;
  delivery.sender_id = fmt::format("{} {}", event->sender, event->delivery_id);
  const auto stored = Store(std::move(delivery), images, HeardFrom::kRegistry);
  if (!stored.ok()) return web::TextResponse(503, "the notification could not be stored; send it again");
  if (stored->verdict == store::Verdict::kRepeated) return web::TextResponse(200, "it came before");
  return web::TextResponse(202, "taken as " + store::DeliveryId(stored->number));
}

Result<store::Delivery> BaseWatch::Store(store::Delivery delivery, const std::vector<store::Image>& images,
                                         HeardFrom from) {
  delivery.sender = kRegistrySender;
  delivery.event = from == HeardFrom::kReplay ? "replay" : "push";
  delivery.receive_time = parts_.clock.System();
  delivery.reference = NamesOf(images);
  delivery.revision = images.front().digest;
  delivery.content = ChangesToJson(images);
  SLIPWAY_ASSIGN_OR_RETURN(store::Delivery stored, parts_.tasks.AddDelivery(std::move(delivery)));
  if (stored.verdict == store::Verdict::kPending) {
    Queue({.images = images, .from = from, .delivery = stored.number});
  }
  return stored;
}

Result<store::Delivery> BaseWatch::Replay(const store::Delivery& delivery) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<store::Image> images, ChangesFromJson(delivery.content));
  if (images.empty()) return FailedPrecondition("delivery '{}' told nothing", store::DeliveryId(delivery.number));
  store::Delivery again;
  again.task = delivery.task;
  again.trigger = delivery.trigger;
  again.sender_id =
      fmt::format("replay of {} at {}", store::DeliveryId(delivery.number), FormatTime(parts_.clock.System()));
  return Store(std::move(again), images, HeardFrom::kReplay);
}

void BaseWatch::OnRun(const store::Run& run) {
  if (!store::IsFinal(run.state)) return;
  Heard heard{.images = {}, .from = HeardFrom::kRun, .delivery = 0};
  for (const store::Image& image : run.result.output_images) {
    if (!image.tag.empty() && !image.registry.empty()) heard.images.push_back(image);
  }
  if (!heard.images.empty()) Queue(std::move(heard));
}

void BaseWatch::Queue(Heard heard) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(heard));
  }
  changed_.notify_one();
}

void BaseWatch::Work(const std::stop_token& stop) {
  while (true) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [this] { return !queue_.empty(); })) return;
    const Heard heard = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    Process(heard);
  }
}

void BaseWatch::Process(const Heard& heard) {
  int started = 0;
  Status failure;
  for (const store::Image& image : heard.images) {
    const Context limited = ctx_.WithTimeout(kLookupTimeout, "the registry");
    const Result<int> runs = changes_.Judge(
        limited,
        {.image = image, .from = heard.from, .delivery = heard.delivery == 0 ? "" : store::DeliveryId(heard.delivery)});
    // A delivery stays pending for the next start.
    if (ctx_.Done() || runs.code() == Code::kCancelled) return;
    if (!runs.ok() && failure.ok()) failure = runs.status();
    if (runs.ok()) started += *runs;
  }
  if (!failure.ok()) spdlog::error("images {}: {}", NamesOf(heard.images), failure.message());
  if (heard.delivery == 0) return;
  store::Verdict verdict = started > 0 ? store::Verdict::kRun : store::Verdict::kSkipped;
  std::string reason = started > 0 ? fmt::format("{} runs were started", started) : "all tasks are up to date";
  if (!failure.ok()) {
    verdict = store::Verdict::kFailed;
    reason = failure.message();
  }
  const Status stored = parts_.tasks.SetVerdict(heard.delivery, verdict, reason, "");
  if (!stored.ok()) spdlog::error("delivery {}: {}", store::DeliveryId(heard.delivery), stored.message());
}

// --- looking tags up

void BaseWatch::Refresh() {
  const Result<std::vector<store::Image>> watched = parts_.tasks.WatchedImages();
  if (!watched.ok()) return spdlog::error("which images are watched: {}", watched.status().message());
  digests_.clear();
  std::vector<TableImage> images;
  for (const store::Image& image : *watched) {
    if (digests_[KeyOf(image)].empty()) images.push_back(KeyOf(image));
    digests_[KeyOf(image)].insert(image.digest);
  }
  table_.Watch(images, parts_.clock.Steady(), std::min<std::chrono::nanoseconds>(options_.poll_interval, kFirstSpread));
}

void BaseWatch::Poll(const std::stop_token& stop) {
  auto refresh_at = parts_.clock.Steady();
  while (!stop.stop_requested()) {
    auto now = parts_.clock.Steady();
    if (now >= refresh_at) {
      Refresh();
      refresh_at = now + std::min<std::chrono::nanoseconds>(options_.poll_interval, kRefreshEvery);
    }
    for (const TableImage& image : table_.TakeDue(now)) {
      if (stop.stop_requested()) return;
      LookUp(image);
    }
    const auto next = std::min(refresh_at, table_.Next().value_or(refresh_at));
    std::unique_lock lock(poll_mutex_);
    poll_changed_.wait_until(lock, stop, next, [] { return false; });
  }
}

void BaseWatch::LookUp(const TableImage& image) {
  const Context limited = ctx_.WithTimeout(kLookupTimeout, "the registry");
  const oci::Reference name{.host = image.registry, .repository = image.repository, .tag = image.tag, .digest = {}};
  const Result<Digest> now = parts_.lookup(limited, name);
  Status status = now.status();
  if (now.ok()) {
    const std::set<std::string>& known = digests_[image];
    const bool moved = known.size() != 1 || *known.begin() != now->ToString();
    if (moved) {
      status = changes_.Judge(limited, {.image = ToImage(image, now->ToString()), .from = HeardFrom::kLookup}).status();
    }
  }
  if (status.ok()) return table_.Found(image);
  if (ctx_.Done()) return;
  spdlog::warn("look up image '{}': {}", name.Familiar(), status.message());
  table_.Failed(image, status.code(), parts_.clock.Steady());
}

}  // namespace slipway::tasks
