// Execution: one vertex being executed for whoever needs it, with its listeners.
//
// Listeners come (Join) and go (Leave) while it runs. It goes on until the last one leaves; its progress is told to
// all, and to those who come late what was told so far. One that everybody has left takes nobody in any more: it may
// take a while to end. Thread-safe.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "executor/base/context.h"
#include "executor/base/progress.h"
#include "executor/base/status.h"
#include "executor/layer/store.h"

namespace slipway::solver {

class Execution : public ProgressSink {
 public:
  using Done = std::function<void(const Result<layer::Chain>&)>;

  Execution() : ctx_(Context::Background().Child()) {}

  /// The context to execute under: cancelled once nobody listens.
  const Context& context() const { return ctx_; }

  /// Announces a Join, for which it goes on until then. False: everybody has left it. Its maker is announced.
  bool Expect();
  /// After Expect. `done` is called once, from the thread that calls Finish or, if it is over already, at once. Returns
  /// an id for Leave.
  int Join(VertexProgress progress, Done done);
  /// If others still listen or will: drops the listener, whose `done` is called with `cause`. If it is the last one:
  /// cancels, and `done` is called when the execution has ended.
  void Leave(int id, const Status& cause);
  void Finish(const Result<layer::Chain>& result);

  void OnEvent(const ProgressEvent& event) override;

 private:
  struct Listener {
    VertexProgress progress;
    Done done;
  };
  static void Forward(const VertexProgress& to, ProgressEvent event);

  const Context ctx_;
  std::mutex mutex_;
  std::map<int, std::shared_ptr<Listener>> listeners_;  // guarded by mutex_, as all below
  std::deque<ProgressEvent> told_;
  size_t told_bytes_ = 0;
  std::optional<Result<layer::Chain>> result_;
  size_t expected_ = 1;  // so many are announced
  bool left_ = false;    // by everybody
  int next_id_ = 1;
};

}  // namespace slipway::solver
