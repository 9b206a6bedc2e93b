#include "daemon/trigger/poll_table.h"

#include <algorithm>
#include <set>

namespace slipway::trigger {

namespace {
constexpr int kMostDoublings = 5;
}

std::chrono::nanoseconds PollTable::Part(std::chrono::nanoseconds whole, double least, double more) const {
  const double part = (least + more * random_()) * static_cast<double>(whole.count());
  return std::chrono::nanoseconds(static_cast<int64_t>(part));
}

void PollTable::Watch(const std::vector<Image>& images, Time now, std::chrono::nanoseconds spread) {
  const std::set<Image> wanted(images.begin(), images.end());
  std::erase_if(rows_, [&wanted](const auto& row) { return !wanted.contains(row.first); });
  for (const Image& image : wanted) {
    if (!rows_.contains(image))
      rows_.emplace(image, Row{.next = now + Part(spread, 0, 1), .failures = 0});
  }
}

std::vector<PollTable::Image> PollTable::TakeDue(Time now) {
  std::vector<Image> due;
  for (auto& [image, row] : rows_) {
    if (row.next > now) continue;
    row.next = now + Part(interval_, 0.75, 0.5);
    due.push_back(image);
  }
  return due;
}

void PollTable::Found(const Image& image) {
  if (const auto row = rows_.find(image); row != rows_.end()) row->second.failures = 0;
}

void PollTable::Failed(const Image& image, Code code, Time now) {
  const auto failed = rows_.find(image);
  if (failed == rows_.end()) return;
  failed->second.failures = std::min(failed->second.failures + 1, kMostDoublings);
  const auto pause = interval_ * (1 << failed->second.failures);
  for (auto& [other, row] : rows_) {
    const bool too_often = code == Code::kResourceExhausted && other.registry == image.registry;
    if (other == image || too_often) row.next = std::max(row.next, now + Part(pause, 0.75, 0.5));
  }
}

std::optional<PollTable::Time> PollTable::Next() const {
  const auto first = std::min_element(rows_.begin(), rows_.end(),
                                      [](const auto& a, const auto& b) { return a.second.next < b.second.next; });
  return first == rows_.end() ? std::nullopt : std::optional(first->second.next);
}

}  // namespace slipway::trigger
