// CallWatch: long calls, and when each has last moved, so that those whose clients have gone silent can be ended.
// Thread-safe.
#pragma once

#include <grpcpp/server_context.h>

#include <chrono>
#include <map>

#include "executor/base/guarded.h"

namespace slipway::services {

class CallWatch {
 public:
  void Touch(grpc::ServerContext* context) { (*calls_.Lock())[context] = std::chrono::steady_clock::now(); }
  void Forget(grpc::ServerContext* context) { calls_.Lock()->erase(context); }

  /// Cancels the calls that have not moved for so long.
  void EndIdle(std::chrono::steady_clock::duration idle) {
    // Under the lock, so that no context goes away meanwhile; TryCancel does not block.
    auto calls = calls_.Lock();
    for (const auto& [context, moved] : *calls) {
      if (std::chrono::steady_clock::now() - moved > idle) context->TryCancel();
    }
  }
  void EndAll() { EndIdle(std::chrono::steady_clock::duration(-1)); }

 private:
  Guarded<std::map<grpc::ServerContext*, std::chrono::steady_clock::time_point>> calls_;
};

}  // namespace slipway::services
