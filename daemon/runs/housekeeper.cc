#include "daemon/runs/housekeeper.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace slipway::runs {

Housekeeper::Housekeeper(std::vector<Chore> chores)
    : chores_(std::move(chores)), ctx_(Context::Background().Child()), thread_([this] { Work(); }) {}

Housekeeper::~Housekeeper() {
  ctx_.Cancel(Cancelled("the daemon is stopping"));
  thread_.join();
}

void Housekeeper::Work() {
  using Time = std::chrono::steady_clock::time_point;
  if (chores_.empty()) return;
  std::vector<Time> due;
  for (const Chore& chore : chores_) due.push_back(std::chrono::steady_clock::now() + chore.every);
  while (true) {
    const auto next = std::min_element(due.begin(), due.end());
    const auto wait = std::max(*next - std::chrono::steady_clock::now(), std::chrono::steady_clock::duration::zero());
    if (!ctx_.Sleep(wait).ok()) return;
    const Chore& chore = chores_[static_cast<size_t>(next - due.begin())];
    const Status status = chore.work(ctx_);
    if (!status.ok() && !ctx_.Done()) spdlog::warn("{}: {}", chore.name, status.message());
    *next = std::chrono::steady_clock::now() + chore.every;
  }
}

}  // namespace slipway::runs
