#include "executor/builder/registry_access.h"

#include <algorithm>

namespace slipway::builder {

void OpenLogins::Add(const std::shared_ptr<registry::CredentialSource>& logins) {
  if (logins == nullptr) return;
  const std::lock_guard lock(mutex_);
  std::erase_if(open_, [&logins](const auto& known) {
    const auto live = known.lock();
    return live == nullptr || live == logins;
  });
  open_.push_back(logins);
}

std::vector<std::shared_ptr<registry::CredentialSource>> OpenLogins::For(const Context& ctx, const std::string& host) {
  std::vector<std::shared_ptr<registry::CredentialSource>> out;
  {
    const std::lock_guard lock(mutex_);
    for (auto it = open_.rbegin(); it != open_.rend(); ++it) {
      if (auto live = it->lock()) out.push_back(std::move(live));
    }
  }
  std::erase_if(out, [&](const auto& logins) {
    const auto found = logins->Lookup(ctx, host);
    return !found.ok() || !found->has_value();
  });
  return out;
}

}  // namespace slipway::builder
