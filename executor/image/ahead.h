// PushAhead: sends the layers of an image that is being built to where it will be pushed, while its other layers are
// made. What it does spares the push; what it cannot do the push does. A registry shows nothing of it until the
// manifest comes, which only a push sends.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/thread_pool.h"
#include "executor/image/exporter.h"

namespace slipway::image {

/// Thread-safe.
class PushAhead {
 public:
  /// `exporter`, `pool` and `lease` must outlive it.
  PushAhead(Exporter& exporter, ThreadPool& pool, registry::Session session,
            std::set<registry::Repository> repositories, ExportOptions options, content::Lease* lease);
  /// Gives up what is under way, and waits until it has ended.
  ~PushAhead();
  PushAhead(const PushAhead&) = delete;
  PushAhead& operator=(const PushAhead&) = delete;

  /// Begins with those layers of `chain` that were not offered before. Does not wait.
  void Offer(const layer::Chain& chain);

  /// From here on what goes on is told to `sink`, which must stay until Unwatch: as `vertex` with `name`.
  void Watch(ProgressSink* sink, const std::string& vertex, const std::string& name);
  void Unwatch();

  bool Has(const registry::Repository& repository, const layer::Key& key) const;
  /// Waits until each layer offered is made, or has failed.
  Status WaitMade(const Context& ctx) const;
  /// Waits for the end of one, and forgets it. NOT_FOUND if it was not offered; else what became of it.
  Result<PushedBlob> Take(const Context& ctx, const registry::Repository& repository, const layer::Key& key);

 private:
  using Place = std::pair<registry::Repository, layer::Key>;
  struct Entry {
    bool made = false;
    std::optional<Result<PushedBlob>> result;
  };
  // Tells whoever watches now.
  class Relay : public ProgressSink {
   public:
    void OnEvent(const ProgressEvent& event) override;
    void Set(ProgressSink* sink, const std::string& vertex, const std::string& name);

   private:
    std::mutex mutex_;
    ProgressSink* sink_ = nullptr;  // guarded by mutex_
    std::string vertex_;            // guarded by mutex_
    std::string name_;              // guarded by mutex_
  };
  void Send(const Place& place);

  Exporter& exporter_;
  ThreadPool& pool_;
  const registry::Session session_;
  const std::set<registry::Repository> repositories_;
  const ExportOptions options_;
  content::Lease* const lease_;
  const Context ctx_ = Context::Background().Child();
  Relay relay_;
  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  std::map<Place, std::shared_ptr<Entry>> entries_;  // guarded by mutex_, as the entries are
  size_t under_way_ = 0;                             // guarded by mutex_
};

}  // namespace slipway::image
