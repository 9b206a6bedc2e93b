#include "daemon/store/page_token.h"

#include <charconv>

namespace slipway::store {

namespace {

int64_t Nanos(const std::optional<SystemTime>& time) {
  return time ? std::chrono::duration_cast<std::chrono::nanoseconds>(time->time_since_epoch()).count() : INT64_MIN;
}

// A short digest of the conditions: a token is of use with the same ones only.
std::string Mark(const RunFilter& filter) {
  Hasher hasher;
  hasher.Field(filter.states.size());
  for (const RunState state : filter.states) hasher.Field(static_cast<uint64_t>(state));
  hasher.Field(filter.type ? static_cast<uint64_t>(*filter.type) : 0);
  hasher.Field(static_cast<uint64_t>(Nanos(filter.create_time_from)));
  hasher.Field(static_cast<uint64_t>(Nanos(filter.create_time_before)));
  const Image image = filter.output_image.value_or(Image());
  hasher.Field(image.registry).Field(image.repository).Field(image.tag).Field(image.digest);
  hasher.Field(filter.task).Field(filter.triggers.size());
  for (const RunTrigger::Kind kind : filter.triggers) hasher.Field(static_cast<uint64_t>(kind));
  hasher.Field(filter.archived ? 1U + static_cast<uint64_t>(*filter.archived) : 0U);
  return hasher.Finish().hex().substr(0, 8);
}

}  // namespace

std::string MakePageToken(int64_t last_number, const RunFilter& filter) {
  return fmt::format("1-{:x}-{}", last_number, Mark(filter));
}

Result<int64_t> ReadPageToken(std::string_view token, const RunFilter& filter) {
  const size_t dash = token.rfind('-');
  int64_t number = 0;
  bool ok = token.starts_with("1-") && dash != std::string_view::npos && dash > 2;
  if (ok) {
    const std::string_view digits = token.substr(2, dash - 2);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
    ok = error == std::errc() && end == digits.data() + digits.size() && number >= 0;
  }
  if (!ok) return InvalidArgument("'{}' is not a page token", token.substr(0, 64));
  if (token.substr(dash + 1) != Mark(filter))
    return InvalidArgument("the page token belongs to a list with other conditions");
  return number;
}

}  // namespace slipway::store
