// Transfer: one blob on its way from a registry into the content store, for all who want it.
//
// It runs on a thread of its own and waits for nobody: whoever reads the blob while it comes reads what the content
// store has of it so far, and may take its time. It is cancelled when the last who wants it has gone. Thread-safe but
// for construction and destruction.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "executor/base/context.h"
#include "executor/base/guarded.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/content/store.h"
#include "executor/layer/store.h"

namespace slipway::layer {

class Transfer {
 public:
  /// Begins. `content` and `fetch` must outlive it.
  Transfer(content::Store& content, const Fetch& fetch, Remote place);
  /// Cancels what is under way and waits for its end.
  ~Transfer();

  /// What is told of the download is told to `progress`, too, until the result is destroyed.
  class Listener {
   public:
    Listener(Transfer& transfer, const VertexProgress& progress);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

   private:
    Transfer& transfer_;
    const VertexProgress& progress_;
  };

  /// Waits for bytes at `position`; 0 at the end, once the digest is known to be right.
  Result<size_t> ReadAt(const Context& ctx, std::span<char> buffer, uint64_t position);
  /// Waits until the content store has the blob, leased by this; or says why it has not.
  Status Wait(const Context& ctx);
  bool failed();

 private:
  class Told;  // a sink that passes on what a fetch tells

  void Run();
  Status Download();
  Status Take(std::string_view bytes);
  Status Show();
  void Tell(const ProgressEvent& event);

  content::Store& content_;
  const Fetch& fetch_;
  const Remote place_;
  const Context ctx_ = Context::Background().Child();
  Guarded<std::vector<const VertexProgress*>> listeners_;
  content::Lease lease_;
  std::unique_ptr<content::Ingest> ingest_;  // used by the thread only, as the next
  uint64_t hidden_ = 0;                      // bytes that were taken and not shown to readers yet

  std::mutex mutex_;
  std::condition_variable_any changed_;
  content::Blob shown_;           // what there is to be read; guarded by mutex_, as all below
  size_t hungry_ = 0;             // readers that have read all of it
  std::optional<Status> end_;     // of the download; nothing more comes
  std::optional<Status> stored_;  // whether it is in the content store
  std::thread thread_;
};

}  // namespace slipway::layer
