#include "executor/image/ahead.h"

#include <algorithm>

#include "executor/base/caught.h"

namespace slipway::image {

void PushAhead::Relay::OnEvent(const ProgressEvent& event) {
  const std::lock_guard lock(mutex_);
  if (sink_ == nullptr) return;
  ProgressEvent told = event;
  told.vertex = vertex_;
  told.name = name_;
  sink_->OnEvent(told);
}

void PushAhead::Relay::Set(ProgressSink* sink, const std::string& vertex, const std::string& name) {
  const std::lock_guard lock(mutex_);
  sink_ = sink;
  vertex_ = vertex;
  name_ = name;
}

PushAhead::PushAhead(Exporter& exporter, ThreadPool& pool, registry::Session session,
                     std::set<registry::Repository> repositories, ExportOptions options, content::Lease* lease)
    : exporter_(exporter),
      pool_(pool),
      session_(std::move(session)),
      repositories_(std::move(repositories)),
      options_(std::move(options)),
      lease_(lease) {}

PushAhead::~PushAhead() {
  ctx_.Cancel(Cancelled("the image is not pushed"));
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return under_way_ == 0; });
}

void PushAhead::Offer(const layer::Chain& chain) {
  std::vector<Place> fresh;
  {
    const std::lock_guard lock(mutex_);
    for (const registry::Repository& repository : repositories_) {
      for (const layer::Key& key : chain) {
        auto& entry = entries_[{repository, key}];
        if (entry != nullptr) continue;
        entry = std::make_shared<Entry>();
        fresh.emplace_back(repository, key);
      }
    }
    under_way_ += fresh.size();
  }
  for (const Place& place : fresh) {
    pool_.Submit([this, place] { Send(place); });
  }
}

void PushAhead::Send(const Place& place) {
  std::shared_ptr<Entry> entry;
  {
    const std::lock_guard lock(mutex_);
    entry = entries_[place];
  }
  const auto made = [&] {
    const std::lock_guard lock(mutex_);
    entry->made = true;
    changed_.notify_all();
  };
  const VertexProgress progress(&relay_, "push", "pushing");
  auto result = Caught("the push", [&] {
    return exporter_.PushOne(ctx_, session_, place.first, place.second, options_, lease_, progress, made);
  });
  const std::lock_guard lock(mutex_);
  entry->made = true;
  entry->result = std::move(result);
  --under_way_;
  changed_.notify_all();  // under the lock: with it the destructor may end
}

void PushAhead::Watch(ProgressSink* sink, const std::string& vertex, const std::string& name) {
  relay_.Set(sink, vertex, name);
}

void PushAhead::Unwatch() { relay_.Set(nullptr, "", ""); }

bool PushAhead::Has(const registry::Repository& repository, const layer::Key& key) const {
  const std::lock_guard lock(mutex_);
  return entries_.contains({repository, key});
}

Status PushAhead::WaitMade(const Context& ctx) const {
  std::unique_lock lock(mutex_);
  return ctx.Wait(lock, changed_, [this] {
    return std::all_of(entries_.begin(), entries_.end(), [](const auto& entry) { return entry.second->made; });
  });
}

Result<PushedBlob> PushAhead::Take(const Context& ctx, const registry::Repository& repository, const layer::Key& key) {
  std::unique_lock lock(mutex_);
  const auto it = entries_.find({repository, key});
  if (it == entries_.end()) return NotFound("layer '{}' was not pushed ahead", key);
  const std::shared_ptr<Entry> entry = it->second;
  SLIPWAY_RETURN_IF_ERROR(ctx.Wait(lock, changed_, [&entry] { return entry->result.has_value(); }));
  entries_.erase({repository, key});
  return *std::move(entry->result);
}

}  // namespace slipway::image
