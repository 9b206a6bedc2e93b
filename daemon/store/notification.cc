#include "daemon/store/notification.h"

#include <charconv>

namespace slipway::store {

std::string_view NotificationStateName(NotificationState state) {
  switch (state) {
    case NotificationState::kPending: return "Pending";
    case NotificationState::kSent: return "Sent";
    case NotificationState::kDead: return "Dead";
  }
  return "Pending";
}

std::string NotificationId(int64_t number) { return fmt::format("n{}", number); }

std::optional<int64_t> ParseNotificationId(std::string_view id) {
  if (!id.starts_with('n')) return std::nullopt;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(id.data() + 1, id.data() + id.size(), number);
  if (error != std::errc() || end != id.data() + id.size() || number < 1) return std::nullopt;
  return number;
}

}  // namespace slipway::store
