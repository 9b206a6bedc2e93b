// FakeAgent: an AgentChannel that answers by a function and remembers what it was asked. Thread-safe.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "executor/base/ssh_agent.h"

namespace slipway::testing {

class FakeAgent : public AgentChannel {
 public:
  using Answer = std::function<Result<std::string>(const std::string& id, const std::string& request)>;

  explicit FakeAgent(Answer answer) : answer_(std::move(answer)) {}

  Result<std::string> Ask(const Context& ctx, const std::string& id, const std::string& request) override {
    SLIPWAY_RETURN_IF_ERROR(ctx.Err());
    {
      const std::lock_guard lock(mutex_);
      asked_.push_back(id + ":" + request);
    }
    return answer_(id, request);
  }

  /// "id:request" of each question.
  std::vector<std::string> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  const Answer answer_;
  mutable std::mutex mutex_;
  std::vector<std::string> asked_;
};

}  // namespace slipway::testing
